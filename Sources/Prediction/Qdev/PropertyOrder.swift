import Facts

/// The order in which QEMU sets a device's properties (QEMU qom/object_interfaces.c:
/// object_set_properties_from_qdict): that of QDict's hash buckets, not the order written. It decides which of several
/// bad properties is reported (observed on 11.1.3 for 306 of 306 ordered pairs).
enum PropertyOrder {
  /// Indices of the properties in the order in which QEMU sets them. Of a name given twice the last value counts, at
  /// the place of the first. Within a bucket the order is that written, and the reverse for the human monitor's
  /// device_add, which builds one dictionary less (observed on 11.1.3).
  static func sorted(of request: DeviceRequest) -> [Int] {
    let properties = request.properties
    var places: [(bucket: UInt32, offset: Int)] = []
    var last = [String: Int](minimumCapacity: properties.count)
    places.reserveCapacity(properties.count)
    for (offset, property) in properties.enumerated() {
      if last.updateValue(offset, forKey: property.name) == nil {
        places.append((QDictHash.bucket(property.name), offset))
      }
    }
    let isHuman = request.form == .keyval && request.plug == .hot
    places.sort { a, b in
      if a.bucket != b.bucket { return a.bucket < b.bucket }
      return isHuman ? a.offset > b.offset : a.offset < b.offset
    }
    return places.map { last[properties[$0.offset].name] ?? $0.offset }
  }
}
