import Facts
import Support
import Syntax
import XCTest

@testable import Inputs

/// A domain of which a part is another one.
struct LibvirtTestDomain {
  var start = "<domain type='qemu'>"
  var name = "<name>vm</name>"
  var memory = "<memory unit='GiB'>1</memory>"
  var vcpu = "<vcpu>2</vcpu>"
  var machine = "q35"
  var system: String?
  var head = ""
  /// Elements inside of `<hostdev>`, and attributes of it.
  var inside = ""
  var attributes = ""
  var source = "<source>"
  var devices = ""

  var text: String {
    let system = system ?? "<os><type arch='x86_64' machine='\(machine)'>hvm</type></os>"
    return "\(start)\(name)\(memory)\(vcpu)\(system)\(head)<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>\(devices)"
      + "<hostdev \(attributes.contains("mode=") ? "" : "mode='subsystem' ")type='pci' managed='yes' \(attributes)>"
      + "<driver name='vfio'/>"
      + "\(source)<address domain='0' bus='10' slot='0' function='0'/></source>\(inside)</hostdev></devices></domain>"
  }

  /// The messages with which vfiogate says that libvirt refuses it.
  var refusals: [String] { LibvirtTestDomain.refusals(of: text) }

  static func refusals(of text: String) -> [String] {
    ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).machine.libvirt?.refusals.map(\.text) ?? []
  }

  /// Compares the installed libvirt's answers, where there is one with a QEMU.
  static func compare(refused: [(LibvirtTestDomain, String)], accepted: [LibvirtTestDomain]) throws {
    let folder = try TemporaryDirectory()
    let domains = refused.map { ($0, Optional($1)) } + accepted.map { ($0, nil) }
    let files = try domains.enumerated().map { index, domain in
      let file = "\(folder.path)/\(index).xml"
      try writeFile(file, domain.0.text)
      return file
    }
    let run = try Child.run(Fixture.path("../scripts/libvirt-options"), files)
    let text = String(decoding: run.output, as: UTF8.self)
    guard run.status == 0 else {
      throw XCTSkip("SKIPPED: \(String(decoding: run.error, as: UTF8.self).split(separator: "\n").first ?? "")")
    }
    let lines = text.split(separator: "\n")
    for (file, (domain, refusal)) in zip(files, domains) {
      // The first answer; a line of libvirt's log may be before it.
      let answer = lines.drop { $0 != "== \(file)" }.dropFirst().prefix { !$0.hasPrefix("== ") }
        .first { $0.hasPrefix("error: ") || $0.hasPrefix("LC_ALL=") } ?? ""
      if let refusal {
        XCTAssert(answer.hasPrefix("error: ") && answer.hasSuffix(refusal), "\(answer): \(domain.text)")
      } else {
        XCTAssert(answer.hasPrefix("LC_ALL="), "\(answer): \(domain.text)")
      }
    }
  }
}
