import Facts
import Host
import Inspect
import Support
import XCTest

/// The recordings of Fixtures/hosts.
enum RecordedHosts {
  static func all() throws -> [(name: String, path: String, host: Facts.Host)] {
    try Fixture.names(in: "hosts").filter { $0.hasSuffix(".host") }.map { name in
      let path = Fixture.path("hosts/" + name)
      return (name, path, try HostRecording.load(path))
    }
  }

  static func host(_ name: String) throws -> Facts.Host { try HostRecording.load(Fixture.path("hosts/\(name).host")) }
}

/// An address that a test writes down.
func address(_ text: String) throws -> PCIAddress { try XCTUnwrap(PCIAddress(text)) }
