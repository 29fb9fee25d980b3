import QMP
import Syntax
import XCTest

@testable import Proxy

/// Trees of block nodes that end QEMU, in any spelling.
final class BlockOptionTests: XCTestCase {
  private let crash = FilterProbe.Answer.refuse("crashes-qemu")

  private func add(_ options: String) -> String { FilterProbe.command("blockdev-add", options) }

  /// The same options behind `json:`, as the name of an image.
  private func names(_ options: String) -> [String] {
    let name = JSON.string("json:" + options).text()
    return [
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":\#(name)}"#),
      FilterProbe.command("drive-backup", #"{"device":"d","sync":"full","target":\#(name)}"#), add(#"{"driver":"raw","file":\#(name)}"#),
      FilterProbe.human("drive_add 0 if=none,file=json:" + WireText(options).split(",").map(\.description).joined(separator: ",,")),
    ]
  }

  func testOneChildTwice() throws {
    for (options, expected) in [
      (#"{"driver":"quorum","node-name":"q","children":["a","a"],"vote-threshold":1}"#, crash),
      (#"{"driver":"raw","file":{"driver":"blkverify","test":"a","raw":"a"}}"#, crash),
      (#"{"driver":"quorum","vote-threshold":1,"children.0":"a","children.1":"a"}"#, crash),
      (#"{"driver":"quorum","node-name":"q","children":["a","b"],"vote-threshold":1}"#, .pass),
      (#"{"driver":"qcow2","node-name":"q","file":"a","backing":"b"}"#, .pass),
    ] as [(String, FilterProbe.Answer)] {
      for text in [add(options)] + names(options) { XCTAssertEqual(try FilterProbe().answer(text), expected, text) }
    }
    for (line, expected) in [
      ("drive_add 0 if=none,driver=quorum,vote-threshold=1,children.0=a,children.1=a", crash),
      ("drive_add 0 if=none,driver=quorum,vote-threshold=1,children.0=a,children.1=b", .pass),
      ("drive_add 0 if=none,driver=raw,file.driver=blkverify,file.test=a,file.raw=a", crash),
      ("drive_add 0 if=none,file=/d.img,id=d,file.locking=off", .pass),
    ] as [(String, FilterProbe.Answer)] {
      XCTAssertEqual(try FilterProbe().answer(FilterProbe.human(line)), expected, line)
    }
  }

  func testATreeOfTooManyLevelsIsNotRead() throws {
    let deep = "drive_add 0 if=none,driver=raw," + String(repeating: "file.", count: 200) + "file=a"
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.human(deep)), .refuse("malformed-input"))
    let real = String(repeating: #"{"driver":"raw","file":"#, count: 40) + "\"a\"" + String(repeating: "}", count: 40)
    XCTAssertEqual(try FilterProbe().answer(add(real)), .pass)
  }

  /// A device uses `q0`, which has `n0` below it; `t1` is above `n1`, which nothing uses.
  private let graph: JSON = [
    "nodes": [
      ["id": 1, "type": "block-backend", "name": "d"], ["id": 2, "type": "block-driver", "name": "q0"],
      ["id": 3, "type": "block-driver", "name": "n0"], ["id": 4, "type": "block-driver", "name": "r0"],
      ["id": 5, "type": "block-driver", "name": "n1"], ["id": 6, "type": "block-driver", "name": "t1"],
    ],
    "edges": [
      ["parent": 1, "child": 2, "name": "root"], ["parent": 2, "child": 3, "name": "file"], ["parent": 4, "child": 3, "name": "file"],
      ["parent": 6, "child": 5, "name": "file"],
    ],
  ]

  private let threads: JSON = [["id": "io0", "thread-id": 7]]

  func testAThrottleIsAddedBeforeTheDeviceThatUsesItsNode() throws {
    for node in ["q0", "n0", "r0", "n1", "t1", "none"] {
      let expected = ["q0", "n0", "r0"].contains(node) ? crash : .pass
      for options in [
        #"{"driver":"throttle","node-name":"t","throttle-group":"g","file":"\#(node)"}"#,
        #"{"driver":"raw","node-name":"r","file":{"driver":"throttle","throttle-group":"g","file":"\#(node)"}}"#,
        #"{"driver":"throttle","throttle-group":"g","file":{"driver":"raw","file":"\#(node)"}}"#,
      ] {
        for text in [add(options)] + names(options) { XCTAssertEqual(try FilterProbe().settle(text, [graph, threads]), expected, text) }
      }
      let line = "drive_add 0 if=none,id=z,driver=raw,file.driver=throttle,file.throttle-group=g,file.file=\(node)"
      XCTAssertEqual(try FilterProbe().settle(FilterProbe.human(line), [graph, threads]), expected, line)
    }
    let options = #"{"driver":"throttle","node-name":"t","throttle-group":"g","file":"n1"}"#
    XCTAssertEqual(try FilterProbe().settle(add(options), []), crash, "QEMU does not say")
    let above = #"{"driver":"throttle","node-name":"t","throttle-group":"g","file":"q0"}"#
    XCTAssertEqual(try FilterProbe().settle(add(above), [graph, []]), .pass, "there is no I/O thread")
    let own = #"{"driver":"throttle","node-name":"t","throttle-group":"g","file":{"driver":"file","filename":"/d"}}"#
    XCTAssertEqual(try FilterProbe().answer(add(own)), .pass)
  }
}
