import QMP
import Syntax

/// QEMU's blocks of memory, as far as they decide whether it aborts when a running guest is migrated without KVM. A page that the guest
/// writes a second time is looked up at its distance from the start of its block, as if that were its address among all blocks (QEMU 10.0
/// system/physmem.c: tlb_reset_dirty_range_all; 10.0 and 11.1). So no block may be larger than the one at address 0.
enum MemoryBlocks {
  /// The questions whose answers `abort` expects behind those about the guest's state.
  static let questions = [Command("query-kvm"), Command("human-monitor-command", ["command-line": "info ramblock"])]

  /// The reason for which QEMU may abort when the guest runs while it is migrated; nil where it does not.
  /// - Parameter answers: QEMU's answers to the questions about its state, with its version as the fourth, and to these.
  static func abort(_ answers: [JSON]) -> String? {
    // On 7.2 the same migrations were observed to succeed.
    if answers[4]["enabled"] == .bool(true) || RunStates.major(answers[3]) ?? .max <= 7 { return nil }
    let blocks = (answers[5].wire ?? "").split("\n").compactMap { Block($0) }
    let first = blocks.first(where: { $0.offset == 0 })?.size ?? 0
    guard let larger = blocks.first(where: { !$0.name.bytes.isEmpty && $0.used > first }) else { return nil }
    return "without KVM, QEMU may abort when the guest writes to `\(larger.name)` during a migration, as another, smaller object of "
      + "memory was made first"
  }

  /// A line of `info ramblock` (QEMU system/physmem.c: ram_block_format): a name, which may have blanks and is missing for memory that no
  /// device has, the size of a page with its unit, then hexadecimal numbers.
  private struct Block {
    let name: WireText
    let offset: UInt64
    let used: UInt64
    let size: UInt64

    init?(_ line: WireText) {
      let words = line.words
      guard let start = words.firstIndex(where: { $0.hasPrefix("0x") }), start >= 2, words.count >= start + 3 else { return nil }
      let numbers = words[start..<(start + 3)].compactMap { UInt64($0.dropping(2).description, radix: 16) }
      guard numbers.count == 3 else { return nil }
      name = WireText(bytes: words[..<(start - 2)].map(\.bytes).joined(separator: [0x20]))
      (offset, used, size) = (numbers[0], numbers[1], numbers[2])
    }
  }
}
