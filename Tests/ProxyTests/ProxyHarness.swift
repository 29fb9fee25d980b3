import CLinux
import Common
import Glibc
@testable import Proxy
import QMP
import Support
import Syntax
import XCTest

/// A proxy on a thread of its own, between a socket in a temporary directory and a QEMU's end.
final class ProxyHarness: @unchecked Sendable {
  let path: String
  private let directory: TemporaryDirectory
  private let listener: Int32
  private let stopper: (read: Int32, write: Int32)
  private let ended = DispatchSemaphore(value: 0)
  nonisolated(unsafe) private var result: Proxy.End?
  nonisolated(unsafe) private(set) var failure: String?
  /// Number of waits of the proxy's loop, once it has ended.
  nonisolated(unsafe) private(set) var waits = 0
  private var hasEnded = false

  /// - Parameter qemu: connected to the monitor; the proxy closes it.
  init(
    qemu: Int32, clients: Int = 1, log: Int32? = nil, gate: @escaping @Sendable () -> any CommandFilter = { UnfilteredCommands() },
    reload: Int32? = nil, handOver: @escaping @Sendable () -> Void = {}, options change: (inout Proxy.Options) -> Void = { _ in }
  ) throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/p.sock"
    listener = path.withCString { clinux_listen_unix($0, 64) }
    guard listener >= 0 else { throw SystemFailure("listen at \(path)", errno: -listener) }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure("make a pipe") }
    stopper = (ends[0], ends[1])
    var options = Proxy.Options()
    options.clients = clients
    options.drain = .seconds(2)
    change(&options)
    let (chosen, accepting, stop) = (options, listener, stopper.read)
    let thread = Thread { [self] in
      let proxy = Proxy(
        qemu: qemu, listener: accepting, gate: gate(), log: ProxyLog(descriptor: log), options: chosen, stop: stop, reload: reload
      ) { _, _ in
        handOver()
        return "this is a test"
      }
      do {
        try proxy.begin()
        result = proxy.run()
        waits = proxy.waits
      } catch {
        failure = "\(error)"
      }
      ended.signal()
    }
    thread.start()
  }

  deinit {
    stop()
    close(listener)
    close(stopper.read)
    close(stopper.write)
  }

  /// Asks it to stop, and waits for its end.
  @discardableResult
  func stop() -> Proxy.End? {
    if !hasEnded { _ = write(stopper.write, "x", 1) }
    return wait()
  }

  /// Asks it to stop, and does not wait.
  func requestStop() { _ = write(stopper.write, "x", 1) }

  /// Waits for its end.
  func wait() -> Proxy.End? {
    if hasEnded { return result }
    hasEnded = true
    if ended.wait(timeout: .now() + 60) == .timedOut { XCTFail("the proxy does not end") }
    return result
  }

  func connect() throws -> RawClient { try RawClient(path: path) }
}

/// A client that sends exactly the bytes that a test gives it.
final class RawClient {
  let descriptor: Int32
  private var buffer: [UInt8] = []

  init(path: String) throws {
    descriptor = try Wait.connection(to: path)
    setPatience(60)
  }

  init(adopting descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, 0)
    setPatience(60)
  }

  deinit { close(descriptor) }

  func setPatience(_ seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  func send(_ text: String, descriptors: [Int32] = []) throws { try send(Array(text.utf8), descriptors: descriptors) }

  func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws {
    var done = 0
    while done < bytes.count {
      let rest = bytes[done...]
      let count = rest.withUnsafeBytes { raw in
        descriptors.withUnsafeBufferPointer { fds in
          clinux_send(descriptor, raw.baseAddress, raw.count, fds.baseAddress, done == 0 ? fds.count : 0)
        }
      }
      guard count > 0 else { throw SystemFailure("send", errno: Int32(-count)) }
      done += count
    }
  }

  /// The next line without its end; nil at the end of the stream.
  func line() throws -> String? {
    while true {
      if let feed = buffer.firstIndex(of: 0x0a) {
        let line = String(decoding: buffer[..<feed].filter { $0 != 0x0d }, as: UTF8.self)
        buffer.removeSubrange(...feed)
        return line
      }
      guard try fill() else { return nil }
    }
  }

  /// The bytes that have arrived, without waiting.
  func arrived() throws -> String {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, 0) > 0 { if try !fill() { break } }
    defer { buffer = [] }
    return String(decoding: buffer, as: UTF8.self)
  }

  /// The next bytes, at least one.
  func bytes() throws -> [UInt8] {
    if buffer.isEmpty, try !fill() { throw SystemFailure("the end of the stream", errno: ECONNRESET) }
    defer { buffer = [] }
    return buffer
  }

  /// Everything up to a line that meets a condition, with that line.
  func text(through isLast: (String) -> Bool) throws -> String {
    var text = ""
    while let line = try line() {
      text += line + "\n"
      if isLast(line) { return text }
    }
    throw SystemFailure("the end of the stream after \(text)", errno: ECONNRESET)
  }

  private func fill() throws -> Bool {
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &piece, piece.count, 0)
    if count < 0, errno == ECONNRESET { return false }
    guard count >= 0 else { throw SystemFailure("receive") }
    buffer += piece[..<count]
    return count > 0
  }

  /// Reads the greeting and negotiates.
  func negotiate(outOfBand: Bool = false) throws {
    _ = try line()
    try send(#"{"execute":"qmp_capabilities""# + (outOfBand ? #","arguments":{"enable":["oob"]}}"# : "}"))
    XCTAssertEqual(try line(), #"{"return": {}}"#)
  }
}

/// QEMU's side of the proxy's connection, for tests that answer themselves.
final class ScriptedQEMU {
  /// The proxy's end, which the proxy closes.
  let proxysEnd: Int32
  private let connection: RawClient
  /// The proxy's negotiation begins with a byte that ends what came before.
  private static let start = UInt8(ascii: "{")

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw SystemFailure("make a pair of sockets") }
    proxysEnd = ends[1]
    connection = RawClient(adopting: ends[0])
  }

  /// Greets, and answers the proxy's negotiation.
  func negotiate() throws {
    try send(#"{"QMP":{"version":{"qemu":{"micro":3,"minor":1,"major":11},"package":""},"capabilities":[]}}"#)
    let request = try next()
    try send(#"{"error":{"class":"GenericError","desc":"JSON parse error"}}"#)
    try answer(request)
  }

  /// The next command. The proxy writes each by itself, and no end of line.
  func next() throws -> JSON {
    var bytes: [UInt8] = []
    while true {
      bytes += try connection.bytes()
      if let command = try? JSON.parse(Array(bytes.drop { $0 != ScriptedQEMU.start })) { return command }
    }
  }

  func answer(_ command: JSON) throws {
    try send(JSON.object([.init("return", [:])] + (command["id"].map { [.init("id", $0)] } ?? [])).text())
  }

  /// Bytes that the proxy has written and that were not read.
  var unreadBytes: Int {
    var count: Int32 = 0
    return ioctl(connection.descriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
  }

  /// Reads no more, with the connection open.
  func goDeaf() { XCTAssertEqual(shutdown(connection.descriptor, Int32(SHUT_RD)), 0) }

  private func send(_ line: String) throws { try connection.send(line + "\r\n") }
}

/// Real QEMUs for the proxy's tests.
enum RealQEMU {
  static func program() throws -> String {
    guard let path = Child.find("qemu-system-x86_64") else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so nothing was tried against a real QEMU")
    }
    return path
  }

  /// A stopped q35 with two root ports, and monitors at `path` and `path`2.
  static func start(
    in directory: TemporaryDirectory, pretty: Bool = false, program: String? = nil, more: [String] = [],
    after: [String] = []
  ) throws -> Child {
    let path = directory.path + "/qmp.sock"
    var arguments = ["-M", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-S"]
    for (index, socket) in [path, path + "2"].enumerated() {
      arguments += ["-chardev", "socket,id=c\(index),path=\(socket),server=on,wait=off"]
      arguments += ["-mon", "chardev=c\(index),mode=control" + (pretty ? ",pretty=on" : "")]
    }
    arguments += ["-device", "pcie-root-port,id=rp1,chassis=1", "-device", "pcie-root-port,id=rp2,chassis=2"]
    // Arguments before QEMU's own may be those of a loader.
    let child = try Child(try program ?? self.program(), more + arguments + after)
    for socket in [path, path + "2"] { try Wait.listener(at: socket) }
    return child
  }

  /// QEMU 11.1 in the lab's root, through that root's own loader.
  static func lab() throws -> (program: String, arguments: [String]) {
    let home = getenv("HOME").map { String(cString: $0) } ?? "/root"
    let root = home + "/.cache/vfiogate/lab/root"
    let program = root + "/usr/bin/qemu-system-x86_64"
    guard access(program, X_OK) == 0 else {
      throw XCTSkip("SKIPPED: \(program) is not there (scripts/lab makes it), so nothing was tried against QEMU 11.1")
    }
    let arguments = ["--library-path", root + "/usr/lib/x86_64-linux-gnu", program]
    return (root + "/lib64/ld-linux-x86-64.so.2", arguments + ["-L", root + "/usr/share/qemu", "-L", root + "/usr/share/seabios"])
  }

  static func connect(_ directory: TemporaryDirectory, second: Bool = false) throws -> Int32 {
    let path = directory.path + "/qmp.sock" + (second ? "2" : "")
    let descriptor = try Wait.connection(to: path)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)  // as the proxy's own connections are
    return descriptor
  }
}
