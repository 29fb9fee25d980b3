import Facts
import Prediction

extension Rule {
  /// Also refused by the proxy, before the request reaches QEMU.
  public static let fdWithoutID = Rule(
    name: "fd-without-id",
    severity: .error,
    summary: "`fd=` without an id, which crashes QEMU",
    why: """
      While QEMU sets the property it looks the descriptor up by the device's id, and without one it compares against \
      a null pointer: it crashes with SIGSEGV, at launch as well as on `device_add` to a running guest. An id of JSON \
      type number, null or bool counts as missing.
      """,
    fix: "give the device an id",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","iommufd":"iommufd0","fd":"gpu"}}"#,
    references: ["QEMU migration/cpr.c: cpr_get_fd_param (observed on 11.1.3)"],
    explains: [.descriptorWithoutID], crashesGuest: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let property = context.request.property("fd"), context.request.id == nil else { return }
  if case .unknown(let text)? = context.request.value("id") {
    throw Unknown("id of \(context.name)", reason: "written as \(text)")
  }
  switch property.value {
  case .unknown(let text): throw Unknown("fd of \(context.name)", reason: "written as \(text)")
  case .string(let text):
    let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    // Names are those of getfd, which a command line does not have.
    guard isNumber ? Int32(text) != nil : context.request.plug == .hot && !startsWithDigit(text) else { return }
    runner.report(
      "\(context.name) has the descriptor `\(text)` and no id: QEMU crashes with SIGSEGV"
        + (context.request.plug == .hot ? ", and the guest with it" : ""),
      at: property.location, fix: "give the device an id, as a string")
  default: return  // refused for its type
  }
}

private func startsWithDigit(_ text: String) -> Bool { text.utf8.first.map { (0x30...0x39).contains($0) } ?? false }
