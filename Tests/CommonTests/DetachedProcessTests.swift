import CLinux
import Glibc
import Support
import XCTest

/// The fork of a process without a parent, as a guard is started.
final class DetachedProcessTests: XCTestCase {
  /// A guard that was not started guards nothing: the caller has to know.
  func testAProcessThatCannotBeForkedIsAnError() throws {
    guard getuid() == 0 else {
      throw XCTSkip("SKIPPED: only root can become a user without processes, so no fork was made to fail")
    }
    // The helper, the process between, and the detached one.
    for (limit, expected) in [(rlim_t(3), Int32(1)), (2, -EAGAIN), (1, -EAGAIN)] {
      var most = rlimit(rlim_cur: limit, rlim_max: limit)
      // Another one each time: a detached process ends when it likes.
      let user = 1_000_000_000 + 4 * uid_t(getpid()) + uid_t(limit)
      var end: Int32 = -1
      let helper = clinux_fork_helper(&end)
      if helper == 0 {
        // RLIMIT_NPROC of asm-generic/resource.h.
        let isLimited = setrlimit(__rlimit_resource_t(6), &most) == 0 && setuid(user) == 0
        var result: Int32 = isLimited ? clinux_detach(&end, 1, "test") : 0
        if result != 0 { write(end, &result, MemoryLayout<Int32>.size) }
        _exit(0)
      }
      guard helper > 0 else { throw SystemFailure("fork", errno: -helper) }
      defer {
        close(end)
        waitpid(helper, nil, 0)
      }
      var result: Int32 = 0
      guard read(end, &result, MemoryLayout<Int32>.size) > 0 else {
        throw XCTSkip("SKIPPED: root of this namespace cannot become any user, so no fork was made to fail")
      }
      XCTAssertEqual(result, expected, "at most \(limit) processes")
    }
  }
}
