import Facts
import Prediction

extension Rule {
  /// Also refused by the proxy, before the request reaches QEMU.
  public static let fdWithoutID = Rule(
    name: "fd-without-id",
    severity: .error,
    summary: "`fd=` without an id, which kills QEMU",
    why: """
      QEMU looks the descriptor up by the device's id while it sets the property, and compares against a \
      null name when there is none: it dies of SIGSEGV, at launch as well as by `device_add` on a running \
      guest. An id of JSON type number, null or bool counts as none.
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
    // A name is looked up among those of getfd; on a command line there are none.
    guard isNumber ? Int32(text) != nil : context.request.plug == .hot && !startsWithDigit(text) else { return }
    runner.report(
      "\(context.name) is given the descriptor `\(text)` and no id: QEMU dies of SIGSEGV"
        + (context.request.plug == .hot ? ", and the guest with it" : ""),
      at: property.location, fix: "give the device an id, and as a string")
  default: return  // refused for its type
  }
}

private func startsWithDigit(_ text: String) -> Bool { text.utf8.first.map { (0x30...0x39).contains($0) } ?? false }
