import QMP
import Support
import Syntax
import XCTest

final class TranscriptTests: XCTestCase {
  private let names = [
    "session-7.2.22.qmp", "session-11.1.3.qmp", "session-pretty-7.2.22.qmp", "session-pretty-11.1.3.qmp",
  ]

  func testEveryChunkingOfARecordedConnectionGivesTheSameOccurrences() throws {
    for name in names {
      let transcript = try Transcript(name)
      let whole = try transcript.play(.whole)
      XCTAssertEqual(whole.happened.last, .closed(.byPeer(unfinished: 0)), name)
      for chunking in Chunking.allCases {
        for seed in UInt64(1)...20 where chunking != .bytes || seed == 1 {
          XCTAssertEqual(
            try transcript.play(chunking, seed: seed).happened, whole.happened, "\(name) \(chunking) \(seed)")
        }
      }
    }
  }

  func testCommandsAreSentByteForByteAsRecorded() throws {
    for name in names {
      let transcript = try Transcript(name)
      XCTAssertEqual(try transcript.play(.whole).sent, transcript.commands, name)
    }
  }

  func testTheRecordedConnectionMeansWhatQEMUMeant() throws {
    let happened = try Transcript("session-11.1.3.qmp").play(.bytes).happened
    XCTAssertEqual(happened.map(Self.summary), [
      "greeted 11.1.3", "ready", "vfiogate-2 replied", "vfiogate-3 replied", "vfiogate-4 replied",
      "vfiogate-5 refused: DeviceNotFound: Device 'nope' not found",
      "vfiogate-6 refused: No file descriptor supplied via SCM_RIGHTS", "vfiogate-7 replied",
      "event RESUME", "vfiogate-8 replied", "event STOP", "vfiogate-9 replied", "vfiogate-10 replied",
      "event SHUTDOWN", "vfiogate-11 replied", "closed",
    ])
  }

  func testThePropertiesInTheRecordingTellTheVersionsApart() throws {
    for (name, hasATS) in [("session-7.2.22.qmp", false), ("session-11.1.3.qmp", true)] {
      let happened = try Transcript(name).play(.whole).happened
      let listings = happened.compactMap { occurrence -> JSON? in
        guard case .replied(let id, .success(let value)) = occurrence, id.text == "vfiogate-3" else { return nil }
        return value
      }
      let properties = try DeviceProperty.parse(listing: try XCTUnwrap(listings.first))
      XCTAssertEqual(properties.contains { $0.name == "ats" && $0.type == "OnOffAuto" }, hasATS, name)
    }
  }

  /// Cut anywhere, the end differs from a clean one and says how much was missing.
  func testAConnectionCutAnywhereClosesOnceAndLast() throws {
    let transcript = try Transcript("session-pretty-11.1.3.qmp")
    let stream = transcript.negotiation + transcript.rest
    for length in 0..<stream.count {
      var session = ClientSession()
      let happened = session.receive(stream[..<length]) + session.receiveEnd()
      let closures = happened.filter { Self.summary($0) == "closed" }
      XCTAssertEqual(closures.count, 1)
      XCTAssertEqual(happened.last, closures.first)
      XCTAssertEqual(session.receive(stream[length...]), [], "nothing happens after the end")
    }
  }

  static func summary(_ occurrence: ClientSession.Occurrence) -> String {
    switch occurrence {
    case .greeted(let greeting):
      "greeted \(greeting.version.major).\(greeting.version.minor).\(greeting.version.micro)"
    case .ready: "ready"
    case .replied(let id, .success): "\(id) replied"
    case .replied(let id, .failure(let error)): "\(id) refused: \(error)"
    case .event(let event): "event \(event.name)"
    case .ignored: "ignored"
    case .closed: "closed"
    }
  }
}
