import Facts

/// The order in which QEMU sets a device's properties (QEMU qom/object_interfaces.c:
/// object_set_properties_from_qdict): that of QDict's hash buckets, not the order written. It decides which of several
/// bad properties is reported (observed on 11.1.3 for 306 of 306 ordered pairs).
enum PropertyOrder {
  /// Indices of the properties in the order in which QEMU sets them. Of a name given twice the last counts; two names
  /// in one bucket are in reverse alphabetical order.
  static func sorted(_ properties: [Property]) -> [Int] {
    var places: [(bucket: UInt32, offset: Int)] = []
    places.reserveCapacity(properties.count)
    for offset in properties.indices { places.append((QDictHash.bucket(properties[offset].name), offset)) }
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
