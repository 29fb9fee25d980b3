/// The order in which QEMU sets a device's properties: that of QDict's hash buckets, not the order
/// written. It decides which of several bad properties is reported (observed on 11.1.3 for 306 of
/// 306 ordered pairs).
enum PropertyOrder {
  /// QEMU qobject/qdict.c: tdb_hash, modulo QDICT_BUCKET_MAX.
  static func bucket(_ name: String) -> UInt32 {
    var hash: UInt32 = 0x238F_13AF &* UInt32(truncatingIfNeeded: name.utf8.count)
    for (index, byte) in name.utf8.enumerated() { hash = hash &+ UInt32(byte) << UInt32(index * 5 % 24) }
    return (1_103_515_243 &* hash &+ 12345) % 512
  }

  /// The names as QEMU meets them. Two in one bucket: QDict puts the newer in front.
  static func sorted(_ names: [String]) -> [String] {
    names.enumerated().map { (bucket: bucket($1), offset: $0) }
      .sorted { a, b in a.bucket == b.bucket ? a.offset > b.offset : a.bucket < b.bucket }
      .map { names[$0.offset] }
  }
}
