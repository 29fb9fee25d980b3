import Facts
import Inputs
import Syntax
import XCTest

/// Services of systemd (systemd.service(5), systemd.exec(5)).
final class SystemdTests: XCTestCase {
  private let command = "ExecStart=/usr/bin/qemu-system-x86_64 -m 1G -device vfio-pci,host=0000:0a:00.0\n"

  private func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "vm.service", bytes: Array(text.utf8))) }

  private func limits(_ settings: String, command: String? = nil) -> ServiceLimits? {
    parse("[Service]\n" + settings + "\n" + (command ?? self.command)).machine.service
  }

  func testLimitsOfAService() {
    XCTAssertNil(limits("Restart=no"))
    XCTAssertEqual(limits("LimitMEMLOCK=infinity"), ServiceLimits(memlock: .known(nil)))
    XCTAssertEqual(limits("LimitMEMLOCK=64M"), ServiceLimits(memlock: .known(64 << 20)))
    XCTAssertEqual(limits("LimitMEMLOCK = 4096:8G"), ServiceLimits(memlock: .known(4096)))
    // The last counts, and an empty one takes it away.
    XCTAssertEqual(limits("LimitMEMLOCK=64M\nLimitMEMLOCK=1G"), ServiceLimits(memlock: .known(1 << 30)))
    XCTAssertNil(limits("LimitMEMLOCK=64M\nLimitMEMLOCK="))
    XCTAssertEqual(limits("User=root"), ServiceLimits(user: .known("root")))
    XCTAssertEqual(limits("User=0"), ServiceLimits(user: .known("root")))
    XCTAssertEqual(limits("User=107\nLimitMEMLOCK=1G"), ServiceLimits(user: .known("uid 107"), memlock: .known(1 << 30)))
    XCTAssertEqual(
      limits("User=guests\nAmbientCapabilities=CAP_NET_ADMIN CAP_IPC_LOCK"), ServiceLimits(user: .known("guests"), memlock: .known(nil)))
    // Settings of another section are not the command's.
    XCTAssertNil(parse("[Unit]\nUser=guests\n[Service]\n" + command).machine.service)
  }

  func testTheNameOfAProcessIsNoArgument() {
    let options = "-m 1G -device vfio-pci,host=0000:0a:00.0\n"
    for start in [
      "@/usr/bin/qemu-system-x86_64 guest1", "-@/usr/bin/qemu-system-x86_64 \\\n  qemu", "@/usr/bin/taskset pin -c 2 /usr/bin/kvm",
      "@/usr/bin/kvm \"guest 1\"", "@/usr/bin/kvm 'guest'", "/bin/true ; @/usr/bin/kvm guest", "/bin/true ;  ; /usr/bin/kvm"
    ] {
      let parsed = parse("[Service]\nExecStart=\(start) " + options)
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], start)
      XCTAssertEqual(parsed.machine.devices.map { $0.string("host") }, ["0000:0a:00.0"], start)
    }
    XCTAssertEqual(parse("[Service]\nExecStart=/usr/bin/kvm guest1 " + options).machine.unreadParts.map(\.what), ["the argument `guest1`"])
    // It may be several words.
    XCTAssertEqual(parse("[Service]\nExecStart=@/usr/bin/kvm $NAME " + options).machine.unreadParts.map(\.what), ["value of `$NAME`"])
    XCTAssertEqual(parse("[Service]\nExecStart=@/usr/bin/kvm \"$NAME\" " + options).machine.unreadParts.count, 1)
    // An @ of another command of the value is no prefix.
    let second = parse("[Service]\nType=oneshot\nExecStart=/bin/systemctl stop a@b ; /usr/bin/kvm -device vfio-pci,host=0000:0a:00.0\n")
    XCTAssertEqual(second.machine.program, "/usr/bin/kvm")
    XCTAssertEqual(second.machine.devices.map { $0.string("host") }, ["0000:0a:00.0"])
  }

  func testAVariableOfTheUnitIsFollowed() {
    func hosts(_ settings: String, use: String = "${GPU}") -> [String?] {
      let command = "ExecStart=/usr/bin/qemu-system-x86_64 -m 1G -device vfio-pci,host=\(use)\n"
      return parse("[Service]\n\(command)\(settings)\n").machine.devices.map { $0.string("host") }
    }
    for settings in [
      "Environment=GPU=01:00.0", "Environment = A=1 GPU=01:00.0", "Environment=\"GPU=01:00.0\" B=2", "Environment='GPU=01:00.0'",
      "Environment=GPU=02:00.0\nEnvironment=GPU=01:00.0", "Environment=GPU=x\nEnvironment=\nEnvironment=GPU=01:00.0"
    ] {
      XCTAssertEqual(hosts(settings), ["01:00.0"], settings)
    }
    for settings in [
      "Environment=GPU=01:00.0\nEnvironmentFile=-/etc/default/vm", "Environment=GPU=%i", "Environment=GPU=\"01:00.0\"",
      "Environment=GPU=01:00.0 \\\n  GPU=02:00.0", "Environment=GPU=01:00.0\nEnvironment=", "[Unit]\nEnvironment=GPU=01:00.0",
      "Environment=GPU=01:00.0\nUnsetEnvironment=GPU", "# Environment=GPU=01:00.0", "Environment=\"GPU=01:00.0"
    ] {
      XCTAssertEqual(hosts(settings), [nil], settings)
    }
    // Inside a word it is text.
    XCTAssertEqual(hosts("Environment=GPU=01:00.0", use: "$GPU"), [nil])
    XCTAssertEqual(parse("[Service]\nEnvironment=N=a\nExecStart=/usr/bin/qemu-system-x86_64 -name ${N} -S\n").machine.unreadParts, [])
  }

  func testALoneSemicolonBeginsTheNextCommand() {
    func options(_ rest: String) -> [String] {
      parse("[Service]\nType=oneshot\nExecStart=/usr/bin/qemu-system-x86_64 -m 1G \(rest)\n").machine.options.map(\.name)
    }
    XCTAssertEqual(options("; /usr/bin/echo -S"), ["m"])
    XCTAssertEqual(options("-name a;b -S"), ["m", "name", "S"])
  }

  func testAnotherQEMUOfTheUnitIsNotJudged() {
    for setting in ["ExecStartPre", "ExecStartPost"] {
      let other = "\(setting)=-/usr/bin/qemu-system-x86_64 -readconfig vm.cfg\n"
      XCTAssertEqual(parse("[Service]\n\(command)\(other)").machine.unreadParts.map(\.what), ["a second QEMU command"])
      for harmless in ["qemu-system-x86_64 --version", "qemu-img create a.img 1G", "modprobe vfio-pci"] {
        XCTAssertEqual(parse("[Service]\n\(command)\(setting)=/usr/bin/\(harmless)\n").machine.unreadParts, [], harmless)
      }
    }
  }

  func testQEMUInATextOfTheUnitIsNotJudged() {
    for setting in ["ExecCondition", "ExecStartPre", "ExecReload", "ExecStopPost"] {
      let texts = [("qemu-system-x86_64 -m 1 $$GPU", 1), ("test -e /dev/kvm", 0), ("pgrep qemu-system-x86_64 || true", 0)]
      for (text, count) in texts {
        let unread = parse("[Service]\n\(command)\(setting)=/bin/sh -c '\(text)'\n").machine.unreadParts.map(\.what)
        XCTAssertEqual(unread, Array(repeating: "a second QEMU command", count: count), "\(setting) \(text)")
      }
    }
  }

  func testWhatIsNotModelledIsUnknown() {
    for settings in [
      "User=%i", "User=root\nCapabilityBoundingSet=CAP_NET_ADMIN", "PrivateUsers=yes", "CapabilityBoundingSet=~CAP_IPC_LOCK",
    ] {
      XCTAssertEqual(limits(settings)?.user?.isKnown, false, settings)
      XCTAssertEqual(limits(settings)?.memlock?.isKnown, false, settings)
    }
    XCTAssertEqual(limits("User=guests")?.memlock?.isKnown, false)
    XCTAssertEqual(limits("LimitMEMLOCK=%i")?.memlock?.isKnown, false)
    XCTAssertEqual(limits("LimitMEMLOCK=99999999999E")?.memlock?.isKnown, false)
    let full = "ExecStart=+" + command.dropFirst("ExecStart=".count)
    XCTAssertEqual(limits("User=guests", command: full)?.user?.isKnown, false)
  }

  func testAServiceOfAnotherProgramIsNotADefinition() {
    for program in ["/usr/sbin/sshd -D", "/usr/bin/python3 -m http.server", "/usr/sbin/qemu-ga", "/bin/sh -c 'echo done'"] {
      let text = "[Unit]\nDescription=x\n[Service]\nExecStart=\(program)\n"
      XCTAssertNil(InputFormat.detect(Array(text.utf8)), program)
      XCTAssertNil(InputFormat.recognise(Array(text.utf8)), program)
      XCTAssertEqual(parse(text).unrecognised?.hasPrefix("a systemd service whose ExecStart= is not QEMU"), true, program)
    }
  }

  /// A device that may be given to a QEMU is never skipped.
  func testAServiceThatMayStartQEMUIsADefinition() {
    for program in [
      "/usr/bin/qemu-system-x86_64 -m 1G", "/usr/bin/numactl -N 0 /usr/bin/qemu-system-x86_64 -m 1G",
      "/bin/sh -c 'qemu-system-x86_64 -m 1G'",
      "/opt/start-vm -device vfio-pci,host=0a:00.0",
    ] {
      XCTAssertEqual(InputFormat.detect(Array("[Service]\nExecStart=\(program)\n".utf8)), .systemd, program)
    }
  }
}
