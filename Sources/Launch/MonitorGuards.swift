import CLinux
import Common
import Glibc

/// The proxies of `run --guard`: one process for each QMP monitor, detached from its parent, which lives as long as
/// QEMU holds its end of the private socket.
struct MonitorGuards {
  let monitors: [(monitor: LaunchMonitor, takeover: MonitorTakeover)]

  /// Takes over the addresses, before QEMU is started.
  init(_ monitors: [LaunchMonitor]) throws(PathError) {
    var taken: [(LaunchMonitor, MonitorTakeover)] = []
    for monitor in monitors where monitor.kind == .qmp {
      do throws(PathError) {
        taken.append((monitor, try MonitorTakeover(monitor.address)))
      } catch {
        MonitorGuards.removeSockets(taken.map(\.1))
        throw error
      }
    }
    self.monitors = taken
  }

  /// Removes the socket files of monitors that will not be served.
  private static func removeSockets(_ takeovers: [MonitorTakeover]) {
    for takeover in takeovers { takeover.file?.remove() }
  }

  /// Rewrites the arguments so that QEMU finds its end of each socket. An argument that names a descriptor
  /// already is unchanged.
  func rewrite(_ source: LaunchSource, _ arguments: Launch.Arguments) {
    for (monitor, takeover) in monitors {
      guard let end = takeover.passed, let index = monitor.place.flatMap(source.index) else { continue }
      // Never freed: this process becomes QEMU.
      arguments[index] = strdup(MonitorAddress.rewritten(source.argument(index), onto: end))
    }
  }

  /// Starts the guards.
  /// - Parameter serve: is called in the guard's own process.
  /// - Throws: the reason why a guard could not be started.
  func start(log: Int32?, _ serve: (MonitorTakeover) -> Void) throws(PathError) {
    for (_, takeover) in monitors { takeover.awaitClient() }
    for (_, takeover) in monitors {
      let kept = [takeover.listener, takeover.client, takeover.qemu, log].compactMap { $0 }
      // SAFETY: the array's own count is given; this process has one thread.
      let result = clinux_detach(kept, kept.count, "vfiogate-guard")
      if result == 0 {
        clinux_retitle(CommandLine.unsafeArgv, "vfiogate: guards QEMU's monitor \(takeover.file?.path ?? "")")
        serve(takeover)
        takeover.file?.remove()
        _exit(0)
      }
      guard result > 0 else {
        MonitorGuards.removeSockets(monitors.map(\.takeover))
        throw PathError("a guard cannot be started", errno: -result)
      }
    }
    for (_, takeover) in monitors {
      for own in [takeover.listener, takeover.client, takeover.qemu].compactMap({ $0 }) { close(own) }
    }
  }
}
