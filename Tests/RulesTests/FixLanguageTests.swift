import Facts
import RuleCases
import XCTest

@testable import Rules

/// A fix is in the language of the definition that it is for.
final class FixLanguageTests: XCTestCase {
  private let options = ["`-device", "`-object", "`-machine", "`-smp", "`-m`", "`-numa", "`-accel", "`-global"]

  func testNoFixForAConfigurationFileHasOptions() throws {
    for (one, run) in try CaseRun.all() where one.block("argv") != nil {
      for finding in run.own.findings {
        let fix = ConfigFileAdvice.of(finding.fix)
        if fix.contains("`-cpu") || fix.contains("help`") { continue }
        XCTAssertFalse(options.contains { fix.contains($0) }, "\(one): \(fix)")
      }
    }
  }

  func testNoFixForLibvirtOrProxmoxHasOptions() throws {
    for (one, run) in try CaseRun.all() where one.block("xml") != nil || one.block("proxmox") != nil {
      // Text that is QEMU's in these files too gets advice in QEMU's words.
      for finding in run.own.findings where !finding.location.path.hasPrefix("-") {
        if finding.fix.contains("args:") || finding.fix.contains("qemu:commandline") { continue }
        XCTAssertFalse((options + ["`addr"]).contains { finding.fix.contains($0) }, "\(one): \(finding.fix)")
      }
    }
  }

  func testAConfigurationFileGetsItsOwnWords() throws {
    let run = try CaseRun("[device]\n  driver = \"pcie-root-port\"\n[device \"gpu\"]\n  driver = \"vfio-pci\"\n  iommufd = \"i\"\n")
    let fixes = run.own.findings.filter { $0.rule == "iommufd-missing-object" }.map(\.fix)
    XCTAssertEqual(fixes, ["add `[object \"i\"]` with `qom-type = \"iommufd\"`"])
  }

  /// A `[global]` section has the property's name as a value.
  func testAConfigurationFileRemovesAGlobal() {
    var location = Location(source: "t", range: nil, path: "[global]")
    XCTAssertEqual(
      ConfigFileAdvice.of("remove `ats=on`: the device does not support ATS", at: location),
      "remove the `[global]` section of `property = \"ats\"`: the device does not support ATS")
    XCTAssertEqual(ConfigFileAdvice.of("set `ats=auto`", at: location), "set `ats = \"auto\"`")
    location = Location(source: "t", range: nil, path: "[device \"gpu\"]")
    XCTAssertEqual(ConfigFileAdvice.of("remove `ats=on`", at: location), "remove `ats = \"on\"`")
  }

  /// QEMU takes the end of the line into a value without its second quote.
  func testAConfigurationFileLacksAQuote() throws {
    for (key, value) in [("host", "0000:0a:00.0"), ("ats", "on"), ("x-pci-vendor-id", "5")] {
      let run = try CaseRun("[device \"gpu\"]\n  driver = \"vfio-pci\"\n  \(key) = \"\(value)\n")
      let fixes = run.own.findings.filter { $0.rule == "realize-fails" }.map(\.fix)
      XCTAssertEqual(fixes, ["close the value with a quote: `\(key) = \"\(value)\"`"])
    }
  }

  func testOptionsBecomeSections() {
    XCTAssertEqual(
      ConfigFileAdvice.of("use `-machine q35`, and add `-object iommufd,id=iommufd0`"),
      "use `[machine]` with `type = \"q35\"`, and add `[object \"iommufd0\"]` with `qom-type = \"iommufd\"`")
    XCTAssertEqual(ConfigFileAdvice.of("set `ats=off`, or remove `iommufd=`"), "set `ats = \"off\"`, or remove `iommufd`")
    XCTAssertEqual(ConfigFileAdvice.of("set `a=1,b=2` for `x`"), "set `a = \"1\"` and `b = \"2\"` for `x`")
    for kept in [
      "boot the host with `intremap=on`", "boot the host without `pci=noats`", "add `host-phys-bits-limit=39` to `-cpu`",
      "`ulimit -l 1024`, or `LimitMEMLOCK=1024K` of the unit", "`qemu-system-x86_64 -machine help`"
    ] {
      XCTAssertEqual(ConfigFileAdvice.of(kept), kept)
    }
  }
}
