/// Messages of clients, damaged by chance: the same for a seed each time.
public struct MutatedMessages {
  private var chance: SeededGenerator

  public init(seed: UInt64) { chance = SeededGenerator(seed: seed) }

  /// Messages that pass, that are refused and that wait for a decision, with all that JSON has.
  private static let seeds: [[UInt8]] = [
    #"{"execute":"query-name"}"#, #"{"execute":"query-status","id":1}"#, #"{"execute":"query-name","id":{"a":[1,2.5,null,true]}}"#,
    #"{"execute":"query-version","arguments":{},"id":"x\u00e9\ud83d\ude00"}"#, #"{"id":[[[[]]]],"execute":"query-kvm"}"#,
    #"{"execute":"query-name","id":[18446744073709551615,-9223372036854775808,1e308,-0.0,1E-7,0.1]}"#,
    #"{"execute":"query-name","id":[18446744073709551616,0018,+1,.5,1.,0x1,NaN,Infinity]}"#,
    #"{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}"#,
    #"{"execute":"qom-get","arguments":{"path":"/machine","property":"type"}}"#,
    #"{"execute":"query-name","id":"a\"b\\c\/d\b\f\n\r\t"}"#, "{\"execute\":\"query-name\",\"id\":\"é\u{301}\u{202e}\u{1f600}\"}",
    #"{"execute":"human-monitor-command","arguments":{"command-line":"info version"}}"#,
    #"{"execute":"human-monitor-command","arguments":{"command-line":"gdbserver unix:/nowhere/at/all"}}"#,
    #"{"execute":"human-monitor-command","arguments":{"command-line":"migrate -d \"exec:true\""}}"#,
    #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","realized":true}}"#,
    #"{"execute":"device_add","arguments":{"driver":"nothing","bus":"rp1","id":"d","multifunction":true,"bootindex":7}}"#,
    #"{"execute":"device_add","arguments":{"driver":"usb-ehci","bus":"rp1","maxframes":0}}"#,
    #"{"execute":"qom-set","arguments":{"path":"/machine/peripheral/rp1","property":"realized","value":false}}"#,
    #"{"execute":"migrate","arguments":{"uri":"exec:true"}}"#,
    #"{"execute":"migrate-set-parameters","arguments":{"cpr-exec-command":["/bin/true"]}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"monitor-qmp","id":"m0","chardev":"c1"}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"qtest","id":"q0","chardev":"c1"}}"#,
    #"{"execute":"object-del","arguments":{"id":"compat_monitor1"}}"#, #"{"execute":"object-del","arguments":{"id":"none"}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"tap","id":"n0","fd":"3","script":"/bin/true"}}"#,
    #"{"execute":"closefd","arguments":{"fdname":"x"}}"#, #"{"execute":"frobnicate","arguments":{"a":{"b":{"c":[{}]}}}}"#,
    #"{"exec-oob":"query-name","id":9}"#, #"{"execute":"qmp_capabilities"}"#, #"{"execute":"query-name","execute":"query-kvm"}"#,
    #"{"execute":"query-name","id":[18446744073709551615,018446744073709551615],"arguments":{"execute":"query-kvm"}}"#,
    #"["{\"execute\":",{"execute":"query-name"}]"#, #"{'execute':'query-name'}"#, #"{"execute":"query-name","id":"u64-0-5"}"#,
  ].map { Array($0.utf8) }

  /// Pieces that mean something to a lexer or to the filter.
  private static let pieces: [[UInt8]] = [
    "{", "}", "[", "]", "\"", "'", ",", ":", "\\", "\\u0000", "\\u0061", "\\ud800", "\\udc00", "\\uFFFF", "\\u006", "0", "00", "-", "+",
    ".", "1e9", "e", "E+", "18446744073709551615", "18446744073709551616", "9223372036854775808", "-9223372036854775809",
    "1.7976931348623159e308", "true", "null", "nul", "\"execute\":\"query-kvm\"", "{\"execute\":\"query-name\"}", "\"id\":{}",
    "\"arguments\":{}", "\u{301}", "\u{200d}", "\u{feff}", " ", "\t", "\r\n", "\n", "/*", "*/", "//", "#", "%d", "%s", "//\n", "exec:",
    "realized",
  ].map { Array($0.utf8) } + bytes

  /// Bytes that are not text, and characters that Unicode will never assign.
  private static let bytes: [[UInt8]] = [
    [0], [0x1b], [0x7f], [0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xef, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xfe], [0xff],
  ]

  /// The next message. One in eight is whole.
  public mutating func next() -> [UInt8] {
    var message = pick(MutatedMessages.seeds)
    guard below(8) > 0 else { return message }
    for _ in 0...below(3) { change(&message) }
    return message
  }

  private mutating func change(_ message: inout [UInt8]) {
    let at = below(message.count + 1)
    switch below(9) {
    case 0 where at < message.count: message[at] = UInt8(below(256))
    case 1 where at < message.count: message[at] ^= 1 << UInt8(below(8))
    case 2: message.insert(contentsOf: pick(MutatedMessages.pieces), at: at)
    case 3: message.removeSubrange(at..<min(message.count, at + 1 + below(6)))
    case 4:
      let end = min(message.count, at + 1 + below(12))
      message.insert(contentsOf: message[at..<end], at: below(message.count + 1))
    case 5:
      let other = pick(MutatedMessages.seeds)
      let cut = below(other.count + 1)
      message = Array(message[..<at] + other[cut...])
    case 6: message = Array(message[..<at])
    case 7:
      let piece = pick(MutatedMessages.pieces)
      message.replaceSubrange(at..<min(message.count, at + piece.count), with: piece)
    default:
      // A byte as an escape, which is the same text.
      guard at < message.count, message[at] < 0x80, message[at] > 0x20 else { return }
      let digits = Array("0123456789abcdef".utf8)
      message.replaceSubrange(at...at, with: Array("\\u00".utf8) + [digits[Int(message[at] >> 4)], digits[Int(message[at] & 15)]])
    }
  }

  private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &chance) }

  private mutating func pick(_ list: [[UInt8]]) -> [UInt8] { list[below(list.count)] }
}
