import Support
import XCTest

/// The module table of ARCHITECTURE.md: an edge that is not listed does not exist.
final class ModuleTests: XCTestCase {
  private static let mayImport: [String: Set<String>] = [
    "Facts": [],
    "Syntax": ["CExpat", "CJansson", "CYAML", "Facts", "Glibc"],
    "Prediction": ["Facts", "Glibc"],
    "Rules": ["Facts", "Prediction"],
    "Inputs": ["Facts", "Syntax"],
    "Host": ["CLinux", "CZlib", "Facts", "Glibc"],
    "QMP": ["Glibc", "Syntax"],
    "Report": ["Facts", "Prediction", "Rules", "Syntax"],
    "Common": [
      "CLinux", "Facts", "Glibc", "Host", "Inputs", "Prediction", "QMP", "Report", "Rules", "Syntax",
    ],
    "Rehearsal": ["Common", "Facts", "Glibc", "QMP", "Syntax"],
    "Lint": [
      "CLinux", "Common", "Facts", "Glibc", "Host", "Inputs", "Prediction", "Rehearsal", "Report", "Rules", "Syntax",
    ],
    "Inspect": ["Common", "Facts", "Glibc", "Host", "Inputs", "Prediction", "Report", "Rules", "Syntax"],
    "Proxy": [
      "CLinux", "Common", "Facts", "Glibc", "Host", "Inputs", "Prediction", "QMP", "Rehearsal", "Rules", "Syntax",
    ],
    "Launch": [
      "CLinux", "Common", "Facts", "Glibc", "Host", "Inputs", "Prediction", "Proxy", "Rehearsal", "Report", "Rules",
      "Syntax",
    ],
    "vfiogate": [
      "ArgumentParser", "Common", "Facts", "Glibc", "Inputs", "Inspect", "Launch", "Lint", "Prediction", "Proxy",
      "Report", "Rules",
    ],
  ]
  private static let systemModules: Set<String> = ["Glibc"]

  func testEveryImportIsAnEdgeOfTheTable() throws {
    let files = try SourceFile.all(below: "Sources")
    XCTAssertGreaterThan(files.count, 100, "the sources were not found")
    for file in files {
      guard let allowed = ModuleTests.mayImport[file.module] else {
        XCTFail("\(file.path): the table has no module \(file.module)")
        continue
      }
      let others = file.imports.subtracting(allowed)
      XCTAssert(others.isEmpty, "\(file.path) imports \(others.sorted()), which \(file.module) may not")
    }
  }

  /// No prediction depends on a file, the network or the clock: of the C library it has functions of their arguments.
  func testPredictionReadsNothing() throws {
    let allowed: Set<Substring> = ["AF_INET6", "inet_aton", "inet_pton", "in_addr", "strtol"]
    for file in try SourceFile.all(below: "Sources/Prediction") {
      for line in file.code where line.hasPrefix("import ") && line.contains("Glibc") {
        XCTAssert(line.split(separator: ".").dropFirst().first.map(allowed.contains) ?? false, "\(file.path): \(line)")
      }
    }
  }

  func testPackageSwiftDeclaresTheTable() throws {
    let targets = try Target.all().filter { $0.kind == "target" || $0.kind == "executableTarget" }
    let declared = Dictionary(targets.map { ($0.name, $0.dependencies) }, uniquingKeysWith: { $0.union($1) })
    for (module, allowed) in ModuleTests.mayImport {
      XCTAssertEqual(
        declared[module]?.sorted(), allowed.subtracting(ModuleTests.systemModules).sorted(), "\(module) in Package.swift")
    }
    XCTAssertEqual(Set(declared.keys).subtracting(ModuleTests.mayImport.keys).sorted(), ["CLinux", "RuleCases", "Support"])
  }

  func testArchitectureMarkdownHasTheTable() throws {
    let text = try Fixture.text("../ARCHITECTURE.md")
    for (module, allowed) in ModuleTests.mayImport {
      let edges = allowed.isEmpty ? "nothing" : allowed.sorted().joined(separator: ", ")
      XCTAssert(text.contains("| \(module) | \(edges) |"), "ARCHITECTURE.md has no row `| \(module) | \(edges) |`")
    }
  }

  func testEveryTestFolderIsATarget() throws {
    let targets = try Target.all()
    for folder in try Fixture.names(in: "../Tests") {
      XCTAssert(targets.contains { $0.name == folder }, "Tests/\(folder) is not in Package.swift: nobody runs it")
    }
  }
}
