import Facts
import Support
import Syntax
import XCTest

@testable import Inputs

/// Makefiles, functions that take their arguments, and start-stop-daemon.
final class MakeTextTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput { ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))) }

  private func hosts(_ text: String) -> [String] {
    parse(text).machine.devices.filter { $0.driver == "vfio-pci" }.compactMap { $0.string("host") }
  }

  /// Whether a part, or a property of a device, is said to be unknown.
  private func isUndetermined(_ parsed: ParsedInput) -> Bool {
    !parsed.machine.unreadParts.isEmpty
      || parsed.machine.devices.flatMap(\.properties).contains { property in
        if case .unknown = property.value { return true }
        return false
      }
  }

  private static let device = "-device vfio-pci,host=0000:01:00.0"

  private static let read: [String] = [
    "QEMU = qemu-system-x86_64\nOPTS = -M q35 \(device)\n\nrun:\n\t$(QEMU) $(OPTS)\n",
    "QEMU ?= qemu-system-x86_64\nMEM := 2G\nOPTS := -m $(MEM) \\\n  -M q35\nOPTS += \(device)\n.PHONY: run\nrun: all\n"
      + "\t@sudo ${QEMU} ${OPTS} \\\n\t\t-S\n",
    "QEMU=${HOME}/bin/qemu-system-x86_64\nGPU=0000:01:00.0\nrun:\n\t@$(QEMU) -M q35 -device vfio-pci,host=$(GPU)\n",
    "GPU=0000:01:00.0\nrun:\n\tqemu-system-x86_64 -M q35 -device 'vfio-pci,host=$(GPU)'\n",
    ".PHONY: run\n.DEFAULT_GOAL := run\nGPU = 0000:01:00.0\nDEV = vfio-pci,host=$(GPU)\nexport OPTS\t= -M q35\t-device $(DEV)\n"
      + "run:\n\tqemu-system-x86_64 $(OPTS)\n",
    "OPTS = -M q35 -device vfio-pci,host=$(GPU)\noverride GPU := 0000:01:00.0\nrun:\n\tqemu-system-x86_64 $(OPTS)\n",
    "SHELL := /usr/bin/env bash\n.SHELLFLAGS = -eu -o pipefail -c\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "SHELL = /bin/bash -o pipefail # not sh\n.SHELLFLAGS := -o errexit -euo pipefail -c  # strict\n"
      + "run:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "SHELL := $(shell command -v bash || echo /bin/sh)\nrun: SHELL := /bin/sh\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "set shell := [\"bash\", \"-euc\"]\nset windows-shell := ['pwsh', '-c']\nrun:\n    qemu-system-x86_64 -M q35 \(device)\n",
    "$(info q35)\nG=\(device)\nrun: disk.img\n\tqemu-system-x86_64 -M q35 -hda $< $G\n",
    "#!/bin/sh\nlaunch() { exec qemu-system-x86_64 -M q35 \"$@\"; }\nlaunch -m 2G \(device)\n",
    "#!/bin/sh\nlaunch() {\n  echo ${1}\n  qemu-system-x86_64 \"$@\" -M q35\n}\nGPU=0000:01:00.0\nlaunch -device vfio-pci,host=$GPU\n",
    "#!/bin/sh\nstart-stop-daemon --start --pidfile /run/vm --exec /usr/bin/qemu-system-x86_64 -- -M q35 \(device)\n",
    "#!/bin/sh\nstart-stop-daemon -S -b -x qemu-system-x86_64 -- -M q35 \(device)\n"
  ]

  private static let unread: [String] = [
    "ifdef GPU\nOPTS = \(device)\nendif\nrun:\n\tqemu-system-x86_64 -M q35 $(OPTS)\n",
    "OPTS ?= \(device)\nrun:\n\tqemu-system-x86_64 -M q35 $(OPTS)\n",
    "OPTS = -M q35\nOPTS = \(device)\nrun:\n\tqemu-system-x86_64 $(OPTS)\n",
    "GPU := $(shell ./gpu)\nrun:\n\tqemu-system-x86_64 -M q35 -device vfio-pci,host=$(GPU)\n",
    "run:\n\tGPU=0000:01:00.0; qemu-system-x86_64 -M q35 -device vfio-pci,host=$$GPU\n",
    "run: OPTS = \(device)\nrun:\n\tqemu-system-x86_64 -M q35 $(OPTS)\n",
    "SHELL = /usr/bin/python3\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    ".SHELLFLAGS = -ec \"$$0 $(GPU)\"\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "SHELL := ssh host bash\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "run: SHELL := /usr/bin/python3\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "define SHELL\n/usr/bin/python3\nendef\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "override define SHELL :=\n/usr/bin/python3\nendef\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "$(eval SHELL := ssh)\nrun:\n\tqemu-system-x86_64 -M q35 \(device)\n",
    "set shell := ['ssh', 'host']\nrun:\n    qemu-system-x86_64 -M q35 \(device)\n",
    "[script('ssh', 'host', 'sh')]\nrun:\n    qemu-system-x86_64 -M q35 \(device)\n",
    // A line of PowerShell that continues.
    "qemu-system-x86_64 -M q35 \(device) @more `\n",
    // `$(G)PU`; a variable that comes later; one that another make is given; names that make composes; more than one file.
    "GPU = 0000:01:00.0\nrun:\n\tqemu-system-x86_64 -M q35 -device vfio-pci,host=$GPU\n",
    "OPTS := -M q35 -device vfio-pci,host=$(GPU)\nGPU = 0000:01:00.0\nrun:\n\tqemu-system-x86_64 $(OPTS)\n",
    "A = $(GPU)\nOPTS := -M q35 -device vfio-pci,host=$(A)\nGPU = 0000:01:00.0\nrun:\n\tqemu-system-x86_64 $(OPTS)\n",
    "GPU = 0000:01:00.0\nother:\n\t$(MAKE) run GPU=0000:02:00.0\nrun:\n\tqemu-system-x86_64 -M q35 -device vfio-pci,host=$(GPU)\n",
    "OPTS = -M q35\n$(A)PTS := \(device)\nrun:\n\tqemu-system-x86_64 $(OPTS)\n",
    "run: a b\n\tqemu-system-x86_64 -M q35 -hda $^ \(device)\n",
    "$(eval OPTS = \(device))\nOPTS = -S\nrun:\n\tqemu-system-x86_64 -M q35 $(OPTS)\n",
    "#!/bin/sh\nlaunch() { qemu-system-x86_64 -M q35 \"$@\"; }\nif [ $1 ]; then launch \(device); fi\n",
    "#!/bin/sh\nlaunch() { shift; qemu-system-x86_64 -M q35 \"$@\"; }\nlaunch vm \(device)\n",
    "#!/bin/sh\nlaunch() { echo; }\nqemu-system-x86_64 -M q35 \"$@\"\nlaunch \(device)\n",
    "#!/bin/sh\nlaunch() { qemu-system-x86_64 -M q35 \"$@\"; }\nlaunch \(device) $MORE\n",
    "#!/bin/sh\nstart-stop-daemon --start --startas /vm --exec /usr/bin/qemu-system-x86_64 -- -M q35 \(device)\n"
  ]

  func testWhatIsWrittenOutIsRead() {
    for text in MakeTextTests.read {
      let parsed = parse(text)
      XCTAssertEqual(hosts(text), ["0000:01:00.0"], text)
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], text)
      XCTAssertEqual(parsed.problems.map(\.message), [], text)
    }
  }

  /// Many variables that each expand to a large text.
  func testAStringOfAJustfileIsFollowed() {
    let qemu = "qemu-system-x86_64 -M q35"
    for text in [
      "gpu := \"0000:01:00.0\"\nother := `lspci`\n\n# a\nrun: build\n    @\(qemu) -device vfio-pci,host={{gpu}}\n\nbuild:\n    make\n",
      "qemu := 'qemu-system-x86_64'  # a\nexport dev := '\(Self.device)'\nalias r := run\n[private]\nrun:\n\t{{ qemu }} -M q35 {{dev}}\n",
      "gpu := '0000:01:00.0'\nrun:\n  \(qemu) \\\n    -device 'vfio-pci,host={{ gpu }}'\n"
    ] {
      XCTAssertEqual(hosts(text), ["0000:01:00.0"], text)
      XCTAssertFalse(isUndetermined(parse(text)), text)
    }
    let run = "    \(qemu) -device vfio-pci,host={{gpu}}\n", gpu = "gpu := '0000:01:00.0'\n"
    for text in [
      "\(gpu)run gpu:\n\(run)", "\(gpu)run gpu='x':\n\(run)", "\(gpu)\(gpu)run:\n\(run)", "gpu := env('GPU')\nrun:\n\(run)",
      "gpu := 'a' + 'b'\nrun:\n\(run)", "\(gpu)set shell := ['python3']\nrun:\n\(run)", "\(gpu)import 'b.just'\nrun:\n\(run)",
      "\(gpu)run:\n    #!/usr/bin/env python3\n\(run)", "\(gpu)x := gpu\nrun:\n    \(qemu) {{x}}\n",
      "_f := '-S'\nf := '\(Self.device)'\nrun:\n    \(qemu) {{_f}} {{ f}}\n",
      "\(gpu)run:\n    \(qemu) -device vfio-pci,host={{gpu}} {{ more }}\n", "\(gpu)run:\n\(run)other:\n    \(qemu) $GPU\n"
    ] {
      XCTAssert(isUndetermined(parse(text)), text)
      XCTAssertEqual(parse(text).problems.map(\.message), [], text)
    }
  }

  func testExpandedVariablesAreBounded() {
    let large = "A = " + String(repeating: "x", count: 1 << 16) + "\n"
    let more = (0..<4000).map { "B\($0) = $(A)$(A)$(A)$(A)$(A)$(A)$(A)$(A)\n" }.joined()
    let time = ProcessorTime()
    _ = parse(large + more + "run:\n\tqemu-system-x86_64 -M q35 $(B1)\n")
    XCTAssertLessThan(time.seconds, 20)
  }

  func testWhatMakeOrTheShellDecidesIsNotRead() {
    for text in MakeTextTests.unread {
      let parsed = parse(text)
      XCTAssert(isUndetermined(parsed), text)
      XCTAssertEqual(parsed.problems.map(\.message), [], text)
    }
  }
}
