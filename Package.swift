// swift-tools-version: 6.0
// Targets bottom-up; this file is the architecture diagram. An edge that is not
// listed here does not exist, and Tests/ArchitectureTests holds every file to it.
import PackageDescription

let package = Package(
  name: "vfiogate",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    // JSON, read and written strictly.
    .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
    // XML events with byte positions.
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    // YAML events with positions.
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    // Unpacking of /proc/config.gz.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // One C function per ioctl, the UAPI structures, and what Glibc's module leaves out.
    .target(name: "CLinux"),
    // Facts: values only.
    .target(name: "Facts"),
    // Text to trees with positions. Knows nothing of PCI.
    .target(name: "Syntax", dependencies: ["CExpat", "CJansson", "CYAML", "Facts"]),
    // Prediction of what QEMU and the kernel do at realize, with their message texts.
    .target(name: "Prediction", dependencies: ["Facts"]),
    // The rules about it, one a file.
    .target(name: "Rules", dependencies: ["Facts", "Prediction"]),
    // Configuration text to facts.
    .target(name: "Inputs", dependencies: ["Facts", "Syntax"]),
    // A live Linux host, or a recording of one, to facts.
    .target(name: "Host", dependencies: ["Facts", "CLinux", "CZlib"]),
    // QMP as messages and state machines. No sockets in here.
    .target(name: "QMP", dependencies: ["Syntax"]),
    // Findings, predictions and hosts as text, JSON and Markdown.
    .target(name: "Report", dependencies: ["Facts", "Prediction", "Rules", "Syntax"]),
    // Parts that the front ends share: files, the choice of a host and of a QEMU, the judge of one definition.
    .target(
      name: "Common",
      dependencies: [
        "CLinux", "Facts", "Syntax", "Prediction", "Rules", "Inputs", "Host", "QMP", "Report",
      ]),
    // The QEMU that will run, started with the definition's options and nothing of the host.
    .target(name: "Rehearsal", dependencies: ["Common", "Facts", "QMP", "Syntax"]),
    // Definitions in files, one or a fleet.
    .target(
      name: "Lint",
      dependencies: ["CLinux", "Common", "Facts", "Host", "Inputs", "Prediction", "Rehearsal", "Report", "Rules", "Syntax"]),
    // One host or one decision: probe, ready, plan, topology, predict, explain.
    .target(
      name: "Inspect", dependencies: ["Common", "Facts", "Host", "Inputs", "Prediction", "Report", "Rules", "Syntax"]),
    // The QMP proxy: sockets, the filter of commands, and what it reads of the running guest.
    .target(
      name: "Proxy",
      dependencies: [
        "CLinux", "Common", "Facts", "Host", "Inputs", "Prediction", "QMP", "Rehearsal", "Rules", "Syntax",
      ]),
    // A QEMU about to start: run, its guard, and the hooks.
    .target(
      name: "Launch",
      dependencies: [
        "CLinux", "Common", "Facts", "Host", "Inputs", "Prediction", "Proxy", "Rehearsal", "Report", "Rules", "Syntax",
      ]),
    // Argument parsing only, one file a subcommand; the enumerations it parses are the modules' own.
    .executableTarget(
      name: "vfiogate",
      dependencies: [
        "Common", "Facts", "Inputs", "Inspect", "Launch", "Lint", "Prediction", "Proxy", "Report", "Rules",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // Parts that tests share: processes, files, sockets, seeded chance.
    .target(name: "Support", dependencies: ["CLinux"], path: "Tests/Support"),
    .testTarget(
      name: "PredictionTests", dependencies: ["Facts", "Host", "Inputs", "Prediction", "Support", "Syntax"]),
    // Fixtures/rules: the cases of the rules, run as `lint` runs a definition.
    .target(
      name: "RuleCases",
      dependencies: ["Common", "Facts", "Host", "Inputs", "Prediction", "Report", "Rules", "Support", "Syntax"],
      path: "Tests/RuleCases"),
    .testTarget(
      name: "RulesTests",
      dependencies: ["Common", "Facts", "Prediction", "Proxy", "QMP", "Report", "RuleCases", "Rules", "Support", "Syntax"]),
    // Every rule case without every single fact: takes longer than all other tests of rules.
    .testTarget(name: "ForgettingTests", dependencies: ["Facts", "Host", "RuleCases", "Rules", "Support"]),
    .testTarget(name: "SyntaxTests", dependencies: ["Support", "Syntax"]),
    .testTarget(name: "InputsTests", dependencies: ["Facts", "Inputs", "Support", "Syntax"]),
    .testTarget(name: "QMPTests", dependencies: ["QMP", "Syntax", "Support"]),
    .testTarget(name: "CommonTests", dependencies: ["CLinux", "Common", "Facts", "QMP", "Support", "Syntax"]),
    .testTarget(
      name: "RehearsalTests",
      dependencies: ["Common", "Facts", "Inputs", "Prediction", "QMP", "Rehearsal", "RuleCases", "Rules", "Support", "Syntax"]),
    .testTarget(
      name: "InspectTests",
      dependencies: [
        "Common", "Facts", "Host", "Inputs", "Inspect", "Prediction", "Rehearsal", "Report", "Rules", "Support", "Syntax",
      ]),
    .testTarget(name: "LintTests", dependencies: ["Common", "Facts", "Lint", "Support"]),
    .testTarget(
      name: "ProxyTests",
      dependencies: ["CLinux", "Common", "Facts", "Inputs", "Proxy", "QMP", "Support", "Syntax"]),
    .testTarget(name: "FactsTests", dependencies: ["Facts", "Support"]),
    .testTarget(name: "HostTests", dependencies: ["Host", "Facts", "CLinux", "Support"]),
    // The module table, and what no source may contain.
    .testTarget(name: "ArchitectureTests", dependencies: ["Support"]),
    // The built program, run as a user runs it; and that the documents show what it prints.
    .testTarget(name: "CommandLineTests", dependencies: ["Support", "Syntax", "vfiogate"]),
    .testTarget(name: "DocumentationTests", dependencies: ["Support", "vfiogate"]),
  ]
)
