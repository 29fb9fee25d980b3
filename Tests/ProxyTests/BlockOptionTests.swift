import QMP
import Syntax
import XCTest

@testable import Proxy

/// Trees of block nodes that end QEMU, in any spelling.
final class BlockOptionTests: XCTestCase {
  private let crash = FilterProbe.Answer.refuse("crashes-qemu")

  private func add(_ options: String) -> String { FilterProbe.command("blockdev-add", options) }

  /// The same options as the file that an image is made in, and behind `json:`, as the name of an image.
  private func names(_ options: String) -> [String] {
    let name = JSON.string("json:" + options).text()
    return [
      FilterProbe.command("blockdev-create", #"{"job-id":"j","options":{"driver":"qcow2","size":65536,"file":\#(options)}}"#),
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
      (#"{"driver":"qcow2","file":{"driver":"file","node-name":"a","filename":"/d"},"backing":"a"}"#, crash),
      (#"{"driver":"quorum","vote-threshold":1,"children":[{"driver":"null-co","node-name":"a"},"a"]}"#, crash),
      (#"{"driver":"qcow2","file":{"driver":"file","node-name":"a","filename":"/d"},"backing":"b"}"#, .pass),
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
      // The last of a key counts.
      ("drive_add 0 if=none,file=a,backing=a,backing=b", .pass), ("drive_add 0 if=none,file=a,backing=b,backing=a", crash),
    ] as [(String, FilterProbe.Answer)] {
      XCTAssertEqual(try FilterProbe().answer(FilterProbe.human(line)), expected, line)
    }
  }

  private func reopen(_ options: String) -> String { FilterProbe.command("blockdev-reopen", #"{"options":[\#(options)]}"#) }

  private func snapshot(_ node: String, _ overlay: String) -> [String] {
    let data = #"{"node":"\#(node)","overlay":"\#(overlay)"}"#
    return [
      FilterProbe.command("blockdev-snapshot", data),
      FilterProbe.command("transaction", #"{"actions":[{"type":"blockdev-snapshot","data":\#(data)}]}"#),
    ]
  }

  func testANodeGetsNoChildThatItHas() throws {
    XCTAssertEqual(try FilterProbe().answer(reopen(#"{"driver":"qcow2","node-name":"q","file":"a","backing":"a"}"#)), crash)
    XCTAssertEqual(try FilterProbe().answer(reopen(#"{"driver":"qcow2","node-name":"q","file":"a","backing":"b"}"#)), .pass)
    // `d` is the device above `q0`.
    for (node, overlay, expected) in [
      ("n0", "q0", crash), ("n0", "r0", crash), ("n1", "t1", crash), ("q0", "r0", .pass), ("d", "r0", .pass), ("d", "o", crash),
      ("n1", "q0", .pass), ("none", "q0", .pass),
    ] as [(String, String, FilterProbe.Answer)] {
      for text in snapshot(node, overlay) { XCTAssertEqual(try FilterProbe().settle(text, [graph]), expected, text) }
    }
    for text in snapshot("n0", "q0") { XCTAssertEqual(try FilterProbe().settle(text, []), crash, "QEMU does not say") }
  }

  func testAQcow2NodeGetsANewFileAlone() throws {
    let nodes: JSON = [["node-name": "q0", "drv": "qcow2"], ["node-name": "t1", "drv": "throttle"]]
    for (options, expected) in [
      (#"{"driver":"raw","node-name":"q0","file":"n1"}"#, crash),
      (#"{"driver":"qcow2","node-name":"q0","file":"n1","force-share":false}"#, crash),
      (#"{"driver":"qcow2","node-name":"q0","file":"n1","data-file":"x"}"#, crash),
      (#"{"driver":"qcow2","node-name":"t1","file":"n1"},{"driver":"raw","node-name":"q0","file":"n1"}"#, crash),
      (#"{"driver":"qcow2","node-name":"q0","file":"n1"}"#, .pass),
      (#"{"driver":"qcow2","node-name":"q0","file":"n0","force-share":true}"#, .pass),
      (#"{"driver":"throttle","node-name":"t1","throttle-group":"g","file":"n0"}"#, .pass),
    ] as [(String, FilterProbe.Answer)] {
      XCTAssertEqual(try FilterProbe().settle(reopen(options), [graph, nodes]), expected, options)
    }
  }

  func testACopyOnReadNodeHasNoBottom() throws {
    for (options, expected) in [
      (#"{"driver":"copy-on-read","file":"a","bottom":"b"}"#, crash),
      (#"{"driver":"raw","file":{"driver":"copy-on-read","file":"a","bottom":"b"}}"#, crash),
      (#"{"driver":"copy-on-read","file":"a"}"#, .pass),
    ] as [(String, FilterProbe.Answer)] {
      for text in [add(options)] + names(options) { XCTAssertEqual(try FilterProbe().answer(text), expected, text) }
    }
    let stream = FilterProbe.command("block-stream", #"{"device":"d","job-id":"j","bottom":"b"}"#)
    XCTAssertEqual(try FilterProbe().answer(stream), .pass)
  }

  func testValuesThatQEMUDoesNotExpect() throws {
    let closes = FilterProbe.Answer.refuse("fd-in-use")
    for (options, expected) in [
      (#"{"driver":"null-co","size":-1}"#, crash), (#"{"driver":"raw","file":{"driver":"null-aio","size":-1}}"#, crash),
      (#"{"driver":"null-co","size":0,"latency-ns":18446744073709551615,"read-zeroes":true}"#, .pass),
      (#"{"driver":"null-co","size":"1.5G"}"#, .pass), (#"{"driver":"null-co","latency-ns":"-1"}"#, .pass),
      (#"{"driver":"null-co","latency-ns":"1x"}"#, crash), (#"{"driver":"null-co","latency-ns":"18446744073709551616"}"#, crash),
      (#"{"driver":"null-co","size":true}"#, crash), (#"{"driver":"null-co","latency-ns":"+1"}"#, .pass),
      (#"{"driver":"file","filename":"/d","drop-cache":18446744073709551615}"#, closes),
      (#"{"driver":"null-co","latency-ns":"0x10"}"#, .pass), (#"{"driver":"null-co","read-zeroes":"maybe"}"#, crash),
      (#"{"driver":"null-co","latency-ns":"08"}"#, crash), (#"{"driver":"null-co","latency-ns":"++5"}"#, crash),
      (#"{"driver":"null-co","latency-ns":"010"}"#, .pass), (#"{"driver":"null-co","latency-ns":"--0"}"#, crash),
      // QEMU 7.2 aborts on one of these, and later ones on the other.
      (#"{"driver":"null-co","size":".5k"}"#, crash), (#"{"driver":"null-co","size":"0x10k"}"#, crash),
      (#"{"driver":"nvme","device":"0000:01:00.0","namespace":"x"}"#, crash),
      (#"{"driver":"nvme","device":"0000:01:00.0","namespace":1}"#, .pass),
      (#"{"driver":"rbd","pool":"p","image":"i","namespace":"x"}"#, .pass),
      (#"{"driver":"file","filename":"/d","locking":"maybe"}"#, closes), (#"{"driver":"file","filename":"/d","locking":"auto"}"#, .pass),
      (#"{"driver":"raw","file":{"driver":"file","filename":"/d","aio":"sync"}}"#, closes),
      (#"{"driver":"raw","file":{"driver":"file","filename":"/d","aio":"io_uring"}}"#, .pass),
      (#"{"driver":"file","filename":"/d","drop-cache":"1"}"#, closes), (#"{"driver":"file","filename":"/d","drop-cache":false}"#, .pass),
      (#"{"driver":"file","filename":"/d","x-check-cache-dropped":"?"}"#, closes),
      (#"{"driver":"file","filename":"/d","aio-max-batch":"many"}"#, closes),
      (#"{"driver":"file","filename":"/d","aio-max-batch":8}"#, .pass),
    ] as [(String, FilterProbe.Answer)] {
      for text in [add(options)] + names(options) { XCTAssertEqual(try FilterProbe().answer(text), expected, text) }
    }
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.human("drive_add 0 if=none,file=null-co://,file.size=x")), crash)
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.human("drive_add 0 if=none,file=/d,file.locking=x")), closes)
  }

  func testAFileNamesAManagerThatThereIs() throws {
    let objects: JSON = [["name": "helper", "type": "child<pr-manager-helper>"], ["name": "io0", "type": "child<iothread>"]]
    let closes = FilterProbe.Answer.refuse("fd-in-use")
    for (name, expected) in [("helper", .pass), ("io0", closes), ("none", closes)] as [(String, FilterProbe.Answer)] {
      let options = #"{"driver":"host_device","filename":"/d","pr-manager":"\#(name)"}"#
      let quorum = #"{"driver":"quorum","vote-threshold":1,"children":["a",\#(options)]}"#
      for text in [add(options)] + names(options) + [add(#"{"driver":"raw","file":\#(options)}"#), add(quorum)] {
        XCTAssertEqual(try FilterProbe().settle(text, [objects]), expected, text)
        XCTAssertEqual(try FilterProbe().settle(text, []), closes, "QEMU does not say")
      }
    }
  }

  func testATreeOfTooManyLevelsIsNotRead() throws {
    let deep = "drive_add 0 if=none,driver=raw," + String(repeating: "file.", count: 200) + "file=a"
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.human(deep)), .refuse("malformed-input"))
    let real = String(repeating: #"{"driver":"raw","file":"#, count: 40) + "\"a\"" + String(repeating: "}", count: 40)
    XCTAssertEqual(try FilterProbe().answer(add(real)), .pass)
  }

  /// A device uses `q0`, which has `n0` below it; `t1` is above `n1`, and `o` above `q0`.
  private let graph: JSON = [
    "nodes": [
      ["id": 1, "type": "block-backend", "name": "d"], ["id": 2, "type": "block-driver", "name": "q0"],
      ["id": 3, "type": "block-driver", "name": "n0"], ["id": 4, "type": "block-driver", "name": "r0"],
      ["id": 5, "type": "block-driver", "name": "n1"], ["id": 6, "type": "block-driver", "name": "t1"],
      ["id": 7, "type": "block-driver", "name": "o"],
    ],
    "edges": [
      ["parent": 1, "child": 2, "name": "root"], ["parent": 2, "child": 3, "name": "file"], ["parent": 4, "child": 3, "name": "file"],
      ["parent": 6, "child": 5, "name": "file"], ["parent": 7, "child": 2, "name": "file"],
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
