import QMP
import Support
import Syntax

/// A recorded connection (Fixtures/qmp/*.qmp).
struct Transcript {
  /// Lines of the client, each with its line end.
  let commands: [[UInt8]]
  /// Bytes of QEMU before the second command, and all the rest.
  let negotiation: [UInt8]
  let rest: [UInt8]

  init(_ name: String) throws {
    var commands: [[UInt8]] = []
    var negotiation: [UInt8] = []
    var rest: [UInt8] = []
    for line in try Fixture.text("qmp/\(name)").split(separator: "\n") {
      let text = Array(line.dropFirst(3).utf8)
      if line.hasPrefix("C: ") {
        commands.append(text + [0x0a])
      } else if line.hasPrefix("S: ") {
        let bytes = text + [0x0d, 0x0a]
        if commands.count < 2 { negotiation += bytes } else { rest += bytes }
      }
    }
    self.commands = commands
    self.negotiation = negotiation
    self.rest = rest
  }

  /// The command to be sent, from its recorded line.
  static func command(_ bytes: [UInt8]) throws -> Command {
    let json = try JSON.parse(bytes)
    return Command(json["execute"]?.string ?? "", json["arguments"])
  }

  /// Plays a client against it: everything that happened, and what it sent.
  func play(
    _ chunking: Chunking, seed: UInt64 = 1
  ) throws -> (happened: [ClientSession.Occurrence], sent: [[UInt8]]) {
    var session = ClientSession()
    var happened: [ClientSession.Occurrence] = []
    for piece in chunking.cut(negotiation, seed: seed) { happened += session.receive(piece) }
    for command in commands.dropFirst() { _ = try session.send(try Transcript.command(command)) }
    let sent = session.takeTransmissions().map(\.bytes)
    for piece in chunking.cut(rest, seed: seed) { happened += session.receive(piece) }
    return (happened + session.receiveEnd(), sent)
  }
}
