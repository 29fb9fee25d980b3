/// The order of QEMU's dictionaries (QEMU qobject/qdict.c).
public enum QDictHash {
  /// The bucket of a key, 0 to 511: tdb_hash modulo QDICT_BUCKET_MAX.
  public static func bucket(_ key: String) -> UInt32 {
    var hash: UInt32 = 0x238F_13AF &* UInt32(truncatingIfNeeded: key.utf8.count)
    var shift: UInt32 = 0
    for byte in key.utf8 {
      hash = hash &+ UInt32(byte) << shift
      shift = (shift + 5) % 24
    }
    return (1_103_515_243 &* hash &+ 12345) % 512
  }
}
