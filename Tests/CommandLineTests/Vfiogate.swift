import Support
import Syntax

/// One run of the built program.
struct Vfiogate {
  let status: Int32
  let output: String
  let error: String

  static func run(_ arguments: String..., input: String = "") throws -> Vfiogate {
    try run(arguments, input: Array(input.utf8))
  }

  static func run(_ arguments: [String], input: [UInt8] = []) throws -> Vfiogate {
    let (status, output, error) = try Child.run(try Child.built("vfiogate"), arguments, input: input)
    return Vfiogate(
      status: status, output: String(decoding: output, as: UTF8.self), error: String(decoding: error, as: UTF8.self))
  }

  /// A run in a terminal of that width.
  static func run(_ arguments: [String], columns: Int) throws -> Vfiogate {
    let program = try Child.built("vfiogate")
    let (status, output, error) = try Child.run("/usr/bin/env", ["COLUMNS=\(columns)", program] + arguments)
    return Vfiogate(
      status: status, output: String(decoding: output, as: UTF8.self), error: String(decoding: error, as: UTF8.self))
  }

  var json: JSON {
    get throws { try JSON.parse(output) }
  }

  static func example(_ name: String) -> String { Fixture.path("../examples/" + name) }
  static func host(_ name: String) -> String { Fixture.path("hosts/\(name).host") }
}
