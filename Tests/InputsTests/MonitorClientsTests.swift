import Facts
import Syntax
import XCTest

@testable import Inputs

/// Commands that send something to the monitor of the QEMU that a text starts: a device may come from it.
final class MonitorClientsTests: XCTestCase {
  private func unread(_ text: String) -> [String] {
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    XCTAssertEqual(parsed.problems.map(\.message), [], text)
    XCTAssertNil(parsed.unrecognised, text)
    return parsed.machine.unreadParts.map(\.what)
  }

  private static let what = ["the text that a command sends to QEMU's monitor"]
  private let qemu = "qemu-system-x86_64 -M q35 -m 4G"

  /// Each with the option that opens the monitor.
  private let unreadClients = [
    ("-monitor unix:mon,server,nowait", "socat - UNIX:mon < cmds"), ("-monitor unix:mon,server,nowait", "nc -U ./mon < plug.hmp"),
    ("-qmp unix:/run/q,server", "for f in d/*; do cat \"$f\"; done | socat - UNIX-CONNECT:/run/q"),
    ("-qmp unix:/run/q,server", "./attach-gpu.py /run/q"), ("-monitor telnet:127.0.0.1:5555,server", "telnet localhost 5555 < cmds"),
    ("-monitor pty", "cat cmds > /dev/pts/3"), ("-qmp tcp:localhost:4444,server", "exec 3<>/dev/tcp/localhost/4444"),
    ("-monitor pipe:/tmp/m", "cat gpu.hmp > /tmp/m.in"), ("-monitor unix:mon,server", "echo \"$CMD\" | socat - UNIX:mon"),
    ("-monitor unix:mon,server", "{ sleep 1; cat cmds; } | nc -U mon"), ("-monitor unix:mon,server", "(sleep 1; cat cmds) | nc -U mon"),
    ("-monitor unix:mon,server", "nc -U mon <<< \"$(cat cmds)\""), ("-monitor unix:mon,server", "nc -U mon <<END\n$CMD\nEND"),
    ("-chardev socket,id=c,path=/run/q,server=on -mon chardev=c,mode=control", "attach /run/q"),
    ("-chardev socket,id=c,path=/run/q,server=on -mon c", "attach /run/q"), ("-monitor \"unix:$MON,server\"", "nc -U ${MON} < cmds"),
    ("-monitor unix:mon,server", "bash -c 'nc -U mon < cmds'"), ("-monitor unix:mon,server", "X=$(nc -U mon < cmds)"),
    ("-monitor unix:mon,server", "add() {\n  echo \"$1\" | nc -U mon\n}\nadd \"$(cat cmds)\""),
    ("-serial mon:unix:mon,server", "sudo nc -U mon < cmds"), ("-monitor unix:mon,server", "echo \"$X\" | sudo tee mon")
  ]

  func testATextThatIsNotReadMayPlugADevice() {
    for (option, client) in unreadClients {
      XCTAssertEqual(unread("#!/bin/bash\n\(qemu) \(option) -daemonize\n\(client)\n"), Self.what, client)
      XCTAssertEqual(unread("#!/bin/bash\n\(qemu) -daemonize\n\(client)\n"), [], client)
    }
    XCTAssertEqual(unread("MON=/run/m\n\(qemu) -monitor unix:$MON,server &\nnc -U /run/m < cmds\n"), Self.what)
    XCTAssertEqual(unread("args=(-M q35 -qmp unix:/q,server)\nqemu-system-x86_64 \"${args[@]}\" &\nattach /q\n"), Self.what)
  }

  func testCommandsThatAreWrittenOutAreRead() {
    for client in [
      "echo system_powerdown | socat - UNIX-CONNECT:/run/m", "trap 'echo quit | nc -U /run/m' EXIT", "rm -f /run/m",
      "while [ ! -S /run/m ]; do sleep 1; done", "sudo chown me /run/m", "socat - UNIX:/run/m", "echo \"use: socat - UNIX:/run/m\"",
      "( echo info status; sleep 1 ) | nc -U /run/m", "{ echo quit; sleep 1; } | nc -U /run/m", "nc -U /run/m <<< 'info status'",
      "nc -U /run/m <<'END'\ninfo $x\nEND", "nc -U /run/m <<END\ninfo status\nEND", "X=/run/m", "export MON=/run/m",
      "hmp() {\n  echo \"$1\" | nc -U /run/m\n}\nhmp system_powerdown", "timeout 9 bash -c 'until [ -S /run/m ]; do sleep 1; done'",
      "socat - UNIX:/run/m2 < x", "qmp-shell /run/m", "V=$(echo info status | nc -U /run/m)", "nc -U /run/other/m < x",
      "# socat - UNIX:/run/m < x", "cat x | tee log"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(qemu) -monitor unix:/run/m,server,nowait -daemonize\n\(client)\n"), [], client)
    }
    XCTAssertEqual(unread("\(qemu) -serial unix:/run/s,server &\nsocat - UNIX:/run/s < cmds\n"), [])
    XCTAssertEqual(unread("\(qemu) -chardev socket,id=s,path=/s -serial chardev:s &\nsocat - UNIX:/s < cmds\n"), [])
  }

  func testCommandsOfAUnit() {
    func unit(_ setting: String) -> [String] {
      unread("[Service]\nEnvironment=RUN=/run\nExecStart=/usr/bin/\(qemu) -qmp unix:/run/%i,server,nowait\n\(setting)\n")
    }
    XCTAssertEqual(unit("ExecStartPost=/usr/local/bin/attach-gpu /run/%i"), Self.what)
    XCTAssertEqual(unit("ExecStartPost=/bin/sh -c 'sleep 3; socat - UNIX:/run/%i < /etc/gpu.hmp'"), Self.what)
    XCTAssertEqual(unit("ExecStartPost=attach ${RUN}/%i"), Self.what)
    XCTAssertEqual(unit("ExecStartPost=/bin/chmod 660 /run/%i"), [])
    XCTAssertEqual(unit("ExecStop=/bin/sh -c 'stop-guest /run/%i'"), [])
  }

  /// QEMU's chardev/char-file.c: qmp_chardev_open_file.
  func testAFileThatAMonitorReads() {
    let file = "-chardev file,id=c,path=/dev/null,input-path=cmds"
    XCTAssertEqual(unread("\(qemu) \(file) -mon chardev=c\n"), ["the file `cmds`"])
    XCTAssertEqual(unread("\(qemu) \(file) -qmp chardev:c\n"), ["the file `cmds`"])
    XCTAssertEqual(unread("\(qemu) \(file) -serial chardev:c\n"), [])
  }

  func testAPipeMayEndTheLineBefore() {
    XCTAssertEqual(unread("cat cmds |\n  \(qemu) -monitor stdio\n"), ["the output that is QEMU's standard input"])
    XCTAssertEqual(unread("x ||\n  \(qemu) -monitor stdio\n"), [])
  }

  func testThousandsOfClientsAreReadInLinearTime() {
    let client = "hmp() { echo \"$1\" | nc -U /run/m; }\n"
    let script = "\(qemu) -monitor unix:/run/m,server &\n" + String(repeating: client, count: 5000)
    XCTAssertEqual(unread(script), Self.what)
  }
}
