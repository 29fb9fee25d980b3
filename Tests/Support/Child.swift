import CLinux
import Glibc

/// A program that a test has started. It is killed when the object is released, and when the thread that started it
/// ends.
public final class Child {
  public let processID: pid_t
  private var status: Int32?

  /// Descriptors left out are /dev/null.
  public init(
    _ path: String, _ arguments: [String], input: Int32? = nil, output: Int32? = nil, error: Int32? = nil
  ) throws {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw SystemFailure("open /dev/null") }
    defer { close(null) }
    Child.lineBuffering.forEach { unsetenv($0) }
    let strings = ([path] + arguments).map { strdup($0) }
    defer { strings.forEach { free($0) } }
    let child = clinux_spawn(path, strings + [nil], input ?? null, output ?? null, error ?? null)
    // Before the property has its value: an object that never had a program is not deinitialised, and kills none.
    guard child > 0 else { throw SystemFailure("run \(path)", errno: -child) }
    processID = child
  }

  deinit { end() }

  /// Waits for the end: the exit status, or 128 and the signal. At the deadline the program is killed.
  @discardableResult
  public func wait(within limit: Duration = .seconds(600)) -> Int32 {
    if let status { return status }
    var raw: Int32 = 0
    do {
      try Wait.until("the end of \(processID)", within: limit, isTrue: { waitpid(processID, &raw, WNOHANG) == processID })
    } catch {
      kill(processID, SIGKILL)
      while waitpid(processID, &raw, 0) < 0, errno == EINTR {}
    }
    let code = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
    status = code
    return code
  }

  /// Kills, and waits.
  public func end() {
    guard status == nil else { return }
    kill(processID, SIGKILL)
    wait()
  }

  /// Runs a program to its end, with both its outputs.
  public static func run(
    _ path: String, _ arguments: [String], input: [UInt8] = []
  ) throws -> (status: Int32, output: [UInt8], error: [UInt8]) {
    // Files and not pipes: a program that fills one pipe while the other is read would hang.
    let files = try (0..<3).map { _ in try unnamedFile() }
    defer { files.forEach { close($0) } }
    try writeAll(files[2], input)
    lseek(files[2], 0, SEEK_SET)
    let status = try Child(path, arguments, input: files[2], output: files[0], error: files[1]).wait()
    let texts = try files.prefix(2).map { file in
      lseek(file, 0, SEEK_SET)
      return try readAll(file, named: "the output of \(path)")
    }
    return (status, texts[0], texts[1])
  }

  /// The path of a program, from PATH; nil when it is not installed.
  public static func find(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// The path of a program of this build, from its name.
  public static func built(_ name: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { throw SystemFailure("find the folder of the tests") }
    let runner = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    return "/" + runner.split(separator: "/").dropLast().joined(separator: "/") + "/" + name
  }

  /// Variables of stdbuf(1), which scripts/test runs the tests with: its library is not that of every program.
  private static let lineBuffering = ["LD_PRELOAD", "_STDBUF_I", "_STDBUF_O", "_STDBUF_E"]

  private static func unnamedFile() throws -> Int32 {
    var template = Array("/tmp/vfiogate-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw SystemFailure("make a temporary file") }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }
}
