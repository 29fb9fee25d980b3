import Support
import XCTest

/// share/completions in a real bash: files, values, rules and addresses.
final class CompletionTests: XCTestCase {
  /// The words that bash offers for the last word of a command line.
  private func completions(of line: String, in folder: String) throws -> Set<String> {
    let script = """
      cd "$2" && . "$1"
      COMP_LINE="$3"; COMP_POINT=${#COMP_LINE}
      ls() { printf '%s\\n' 0000:00:02.0 0000:00:05.0 0000:00:05.1 0001:00:05.0; }
      read -r -a COMP_WORDS <<< "${COMP_LINE//:/ : }"
      case $COMP_LINE in *' ') COMP_WORDS+=('') ;; esac
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      set +e
      compopt() { :; }
      word="${COMP_WORDS[COMP_CWORD]}"
      _vfiogate_with_colons vfiogate "${word#:}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let (status, output, error) = try Child.run(
      "/bin/bash", ["-c", script, "bash", Fixture.path("../share/completions/vfiogate.bash"), folder, line])
    let text = String(decoding: output, as: UTF8.self)
    XCTAssertEqual(status, 0, String(decoding: error, as: UTF8.self))
    return Set(text.split(separator: "\n").map { $0.trimmingBlanks })
  }

  func testFilesAndValuesAreOffered() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/reddish.qemu", "")
    for (line, offered) in [
      ("vfiogate lint redd", "reddish.qemu"), ("vfiogate lint --host redd", "reddish.qemu"),
      ("vfiogate run --policy redd", "reddish.qemu"), ("vfiogate lint --format one", "oneline"),
      ("vfiogate lint --fail-on w", "warning"), ("vfiogate lint --input prox", "proxmox"),
      ("vfiogate lint --on-unknown re", "refuse"), ("vfiogate explain group-not", "group-not-viable"),
      ("vfiogate explain --color al", "always"), ("vfiogate plan --for li", "libvirt"), ("vfiogate proxy --mode ob", "observe"),
      ("vfiogate proxy --profile un", "untrusted"), ("vfiogate topology --format s", "svg"), ("vfiogate ready --format j", "json"),
      ("vfiogate help li", "lint"), ("vfiogate help hook kube", "kubevirt"),
    ] {
      let words = try completions(of: line, in: folder.path)
      XCTAssert(words.contains(offered), "\(line): \(words)")
    }
  }

  /// Bash breaks words at colons, and replaces only what follows the last.
  func testAddressesAreOfferedWithTheirColons() throws {
    let folder = try TemporaryDirectory()
    for (line, offered) in [
      ("vfiogate ready 000", ["0000:00:02.0", "0000:00:05.0", "0000:00:05.1", "0001:00:05.0"]),
      ("vfiogate ready 0000:00:05", ["05.0", "05.1"]), ("vfiogate probe 0000:", ["00:02.0", "00:05.0", "00:05.1"]),
      ("vfiogate ready 0000:00:05.0 0001:00:0", ["05.0"]), ("vfiogate plan --for libvirt 0000:00:0", ["02.0", "05.0", "05.1"]),
      ("vfiogate ready 0000:00:05.0 --format j", ["json"]),
    ] {
      XCTAssertEqual(try completions(of: line, in: folder.path), Set(offered), line)
    }
  }
}

extension Substring {
  fileprivate var trimmingBlanks: String {
    String(String(drop { $0 == " " }).reversed().drop { $0 == " " }.reversed())
  }
}
