import Facts

/// The order in which QEMU sets a device's properties: that of QDict's hash buckets, not the order
/// written. It decides which of several bad properties is reported (observed on 11.1.3 for 306 of
/// 306 ordered pairs).
enum PropertyOrder {
  /// QEMU qobject/qdict.c: tdb_hash, modulo QDICT_BUCKET_MAX.
  static func bucket(_ name: String) -> UInt32 {
    var hash: UInt32 = 0x238F_13AF &* UInt32(truncatingIfNeeded: name.utf8.count)
    var shift: UInt32 = 0
    for byte in name.utf8 {
      hash = hash &+ UInt32(byte) << shift
      shift = (shift + 5) % 24
    }
    return (1_103_515_243 &* hash &+ 12345) % 512
  }

  /// Where the properties that count stand, as QEMU meets them: of a name that is given twice the last. Of two names
  /// in one bucket, that stands first which the alphabet has last.
  static func sorted(_ properties: [Property]) -> [Int] {
    var places: [(bucket: UInt32, offset: Int)] = []
    places.reserveCapacity(properties.count)
    for offset in properties.indices { places.append((bucket(properties[offset].name), offset)) }
    places.sort { a, b in
      if a.bucket != b.bucket { return a.bucket < b.bucket }
      let names = (properties[a.offset].name, properties[b.offset].name)
      return names.0 == names.1 ? a.offset > b.offset : names.0 > names.1
    }
    return places.indices.lazy.filter { index in
      let (bucket, offset) = places[index]
      let isRepeated = index > 0 && places[index - 1].bucket == bucket
        && properties[places[index - 1].offset].name == properties[offset].name
      return !isRepeated
    }.map { places[$0].offset }
  }
}
