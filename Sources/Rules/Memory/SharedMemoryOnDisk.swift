import Facts
import Prediction

extension Rule {
  static let sharedMemoryOnDisk = Rule(
    name: "shared-memory-on-disk",
    severity: .error,
    summary: "the guest's memory is a shared file on a disk's file system, which the kernel does not pin",
    why: """
      A device writes to guest memory without the kernel noticing, so since Linux 6.5 the kernel refuses to pin pages \
      of a shared mapping that it would have to write back to a disk. QEMU fails with `Bad address`, which does not name \
      the file. libvirt puts memory with `<access mode='shared'/>`, as virtiofs needs it, into files below \
      /var/lib/libvirt/qemu/ram unless the domain names another source.
      """,
    fix: "use memory of `memfd` or huge pages; for libvirt `<source type='memfd'/>` in `<memoryBacking>`",
    example: "-object memory-backend-file,id=ram0,size=8G,mem-path=/var/tmp/ram,share=on -machine memory-backend=ram0",
    references: [
      "linux mm/gup.c: writable_file_mapping_allowed", "libvirt src/qemu/qemu_command.c: qemuBuildMemoryBackendProps",
      "https://github.com/virtio-win/kvm-guest-drivers-windows/issues/573",
    ],
    explains: [.memoryOnDisk],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard let first = target.assignments.first(where: { target.isChecked($0.request) }),
    let (path, item) = try FileMemory.unpinnable(of: target.machine, on: target.host)
  else { return }
  let name = item.object.map { "the memory backend `\($0.id ?? "")`" } ?? "the guest's memory"
  runner.report(
    "\(name) is a shared file at \(path), on a disk's file system: the kernel does not pin it for \(first.name)",
    at: target.plugs.isEmpty ? item.object?.location ?? first.request.location : first.request.location,
    fix: item.object == nil ? "write `<source type='memfd'/>` in `<memoryBacking>`, and no other `<source>`"
      : "use `memory-backend-memfd,share=on`, or a `mem-path` below /dev/shm or /dev/hugepages",
    evidence: ["file system of \(path): not in memory"])
}
