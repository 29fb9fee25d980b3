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
    XCTAssertEqual(unread("#!/bin/bash\nA=(-m 4G)\nA+=(-monitor unix:/m,server)\nkvm \"${A[@]}\"\n"), [])
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
    let pipe = ["the pipe that is QEMU's standard input"]
    XCTAssertEqual(unread("#!/bin/bash\ncoproc \(qemu) -monitor stdio\necho \"$PLUG\" >&${COPROC[1]}\n"), pipe)
    XCTAssertEqual(unread("#!/bin/bash\ncoproc VM {\n  \(qemu) -monitor stdio\n}\ncat plug >&\"${VM[1]}\"\n"), pipe)
    XCTAssertEqual(unread("x ||\n  \(qemu) -monitor stdio\n"), [])
  }

  /// Each beside a QEMU with its monitor at `/run/m`.
  func testATextFromElsewhereIsUnread() {
    for client in [
      "send() { socat - UNIX:/run/m; }\nsend < cmds", "send() { socat - UNIX:/run/m; }\ncat cmds | send",
      "send() { echo \"$1\" | nc -U /run/m; }\nmapfile -c 1 -C send < cmds",
      "send() { echo \"$1\" | nc -U /run/m; }\nexport -f send\nparallel send :::: cmds",
      "{ socat - UNIX:/run/m; } < cmds", "(socat - UNIX:/run/m) < cmds", "cat cmds | while true; do nc -U /run/m; done",
      "cat cmds | ( sleep 1; nc -U /run/m )", "socat EXEC:./gen UNIX:/run/m", "socat -u OPEN:cmds UNIX-CONNECT:/run/m",
      "nc -U /run/m -e ./gen", "ncat -U /run/m --sh-exec ./gen", "CMD='nc -U /run/m < cmds'\neval $CMD",
      "python3 - <<'END'\nplug('/run/m')\nEND", "cat > plug.sh <<END\nnc -U /run/m < cmds\nEND"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(qemu) -monitor unix:/run/m,server,nowait -daemonize\n\(client)\n"), Self.what, client)
    }
    for client in [
      "send() { socat - UNIX:/run/m; }\nsend", "{ socat - UNIX:/run/m; }", "(socat - UNIX:/run/m)", "socat STDIO UNIX:/run/m",
      "HMP='socat - UNIX:/run/m'\necho quit | $HMP", "cat <<END\nuse: socat - UNIX:/run/m\nEND", "echo quit | socat -t1 - UNIX:/run/m",
      "cat > stop.sh <<END\necho quit | nc -U /run/m\nEND", "while true; do nc -U /run/m; done", "cat a | sort; nc -U /run/m"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(qemu) -monitor unix:/run/m,server,nowait -daemonize\n\(client)\n"), [], client)
    }
  }

  func testAnAddressThatIsNotWrittenMayBeTheMonitors() {
    for (path, client) in [
      ("/run/m.sock", "UNIX:/run/*.sock"), ("/run/m.sock", "UNIX:/run/{m,n}.sock"), ("/run/m.sock", "UNIX:$1"),
      ("run/m.sock", "UNIX:m.sock"), ("m.sock", "UNIX-CONNECT:/run/m.sock,retry=3"), ("$HOME/m.sock", "UNIX:~/m.sock")
    ] {
      XCTAssertEqual(unread("\(qemu) -monitor \"unix:\(path),server,nowait\" &\nsocat - \(client) < cmds\n"), Self.what, client)
      XCTAssertEqual(unread("\(qemu) -monitor \"unix:\(path),server,nowait\" &\necho quit | socat - \(client)\n"), [], client)
    }
    for client in ["UNIX:$D/n.sock", "TCP:$HOST:80", "UNIX:/tmp/m.sock", "n.sock"] {
      XCTAssertEqual(unread("\(qemu) -monitor unix:/run/m.sock,server,nowait &\nsocat - \(client) < cmds\n"), [], client)
    }
  }

  func testAnInputThatAMonitorSharesIsUnread() {
    let guest = "\(qemu) -monitor stdio"
    for text in [
      "(\n\(guest)\n) < cmds", "(\(guest)) < cmds", "run() {\n\(guest)\n}\nrun < cmds", "run() {\n\(guest)\n}\ncat cmds | run",
      "cat cmds | (\n\(guest)\n)", "cat cmds | while true; do\n\(guest)\ndone"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n"), ["the standard input of the script"], text)
    }
    for text in ["(\(guest))", "run() {\n\(guest)\n}\nrun", "cat a | sort\n\(guest)", "(\(guest)) < /dev/null"] {
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n"), [], text)
    }
    let what = ["the text that `screen` sends to QEMU"]
    XCTAssertEqual(unread("screen -dmS a \(guest)\nscreen -S a -X stuff \"$(cat cmds)\"\n"), what)
    XCTAssertEqual(unread("screen -dmS a \(guest)\nscreen -S a -X readbuf cmds\n"), what)
    XCTAssertEqual(unread("screen -dmS a \(guest)\nscreen -S a -X stuff 'quit^M'\n"), [])
  }

  func testThousandsOfClientsAreReadInLinearTime() {
    let client = "hmp() { echo \"$1\" | nc -U /run/m; }\n"
    let script = "\(qemu) -monitor unix:/run/m,server &\n" + String(repeating: client, count: 5000)
    XCTAssertEqual(unread(script), Self.what)
  }
}
