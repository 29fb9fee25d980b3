import Syntax

/// A text that is not a definition: its likely kind, and the way to a definition.
public enum UnrecognisedInput {
  /// One line for people: `a KubeVirt VirtualMachine: use vfiogate hook kubevirt, or …`.
  public static func describe(_ bytes: [UInt8]) -> String {
    let bytes = UTF16Text.utf8(bytes) ?? bytes
    guard bytes.contains(where: { $0 > 0x20 }) else { return "an empty file" }
    if bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) {
      return "a program: `vfiogate run -- PATH ARGUMENT…` judges a command line before it starts, and `vfiogate lint FILE --qemu "
        + "PATH` asks this QEMU about a definition"
    }
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      return "text in UTF-16, which is read of XML only: convert it to UTF-8, as with iconv"
    }
    if bytes.contains(0) {
      return "arguments of a program that is not QEMU, or a binary file: name /proc/PID/cmdline of a running QEMU"
    }
    let isXML = bytes.first { $0 > 0x20 } == UInt8(ascii: "<") || LibvirtDocument.embedded(bytes) != nil
    if isXML, isPartOfXML(bytes) { return "a patch, a program or another part of an XML document: give the whole document" }
    if isManualPage(bytes) { return "a manual page: give the text of the definition that it shows" }
    if isTemplate(bytes) { return "a template of another program, with lines such as `{% for … %}`: give the text that it makes" }
    if SystemdUnit.isService(bytes) { return "a systemd service whose ExecStart= is not QEMU: lint the script or the file that it starts" }
    let text = String(decoding: bytes.prefix(256 << 10), as: UTF8.self)
    for (what, marks) in kinds where marks.contains(where: text.contains) { return what }
    if YAMLEvent.read(bytes, { _ in true }) == .tooDeep {
      return "YAML that nests deeper than \(YAMLEvent.maximumDepth) levels: give the command line alone"
    }
    if text.hasPrefix("#!") {
      return "a script of another language than the shell's: `vfiogate run` judges the command line that it starts"
    }
    if bytes.split(separator: 0x0a).allSatisfy({ $0.first { $0 > 0x20 }.map { $0 == UInt8(ascii: "#") } ?? true }) {
      return "comments only: give a QEMU command line, a QMP command or a libvirt domain"
    }
    let lines = bytes.split(separator: 0x0a).map { $0.drop { $0 <= 0x20 } }.filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
    if let first = lines.first, first.first == UInt8(ascii: "["), first.last(where: { $0 > 0x20 }) == UInt8(ascii: "]"), lines.count > 1 {
      return "a configuration file of another program: of systemd units services whose ExecStart= is QEMU are read, and of others "
        + "those of -readconfig, as `[device \"ID\"]` with `key = \"value\"`"
    }
    if text.first(where: { !$0.isWhitespace }) == "{" || text.first(where: { !$0.isWhitespace }) == "[" {
      return "JSON without a QMP command: give `{\"execute\": \"device_add\", …}`, its arguments, or a list of QEMU's arguments"
    }
    return "text without a QEMU command: give a QEMU command line, a QMP command, a libvirt domain or a Proxmox "
      + "configuration, and its format with --input where the content does not show it"
  }

  /// One line about an XML document that is not a definition.
  static func document(_ root: String) -> String {
    if let (kind, way) = documents[root.lowercased()] { return "\(kind), `<\(root)>`: \(way)" }
    return "an XML document `<\(root)>`: give a libvirt domain, as `virsh dumpxml --inactive NAME` prints it, or a device of one"
  }

  /// Other documents by their root elements in lower case, most of them libvirt's, each with the way to a definition.
  private static let documents: [String: (String, String)] = {
    let domain = "give the domain, as `virsh dumpxml --inactive NAME` prints it"
    return [
      "html": ("a page in HTML", "give the text of the definition that it shows"),
      "device": ("a node device of libvirt", "`vfiogate ready ADDRESS` says whether a guest can have it; \(domain)"),
      "domaincapabilities": ("libvirt's capabilities of domains", domain),
      "capabilities": ("libvirt's capabilities of a host", "`vfiogate probe` shows the host's devices; \(domain)"),
      "network": ("a network of libvirt", "give the domain that is on it, as `virsh dumpxml --inactive NAME` prints it"),
      "networkport": ("a port of a network of libvirt", domain),
      "interface": ("an interface of the host", "give the guest's, which has no name, or its domain"),
      "pool": ("a storage pool of libvirt", domain), "volume": ("a storage volume of libvirt", domain),
      "secret": ("a secret of libvirt", domain), "filter": ("a network filter of libvirt", domain),
      "cpu": ("a processor's description of libvirt", domain), "qemucaps": ("libvirt's cache of a QEMU's capabilities", domain),
      "xsl:stylesheet": ("a style sheet that makes a document", "give the document that it makes")
    ]
  }()

  /// Whether a text is lines of XML with the marks of a patch, or begins inside a document or a program.
  static func isPartOfXML(_ bytes: [UInt8], from start: Int = 0) -> Bool {
    var line = bytes[start...]
    let start = line.drop { $0 <= 0x20 }
    // A document cannot begin with an end tag, nor with an instruction to another program, as PHP's `<?php`.
    if start.starts(with: "</".utf8) || start.starts(with: "<?php".utf8) || start.starts(with: "<?=".utf8) { return true }
    while let mark = line.first {
      if mark == UInt8(ascii: "+") || mark == UInt8(ascii: "-"),
        line.dropFirst().first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "<") { return true }
      line = bytes[(bytes.firstIndex(of: 0x0a, from: line.startIndex).map { $0 + 1 } ?? bytes.count)...]
    }
    return false
  }

  /// Whether a text begins with a request of roff: `.Dd`, `.TH`, a comment.
  static func isManualPage(_ bytes: [UInt8]) -> Bool {
    let start = bytes.drop { $0 <= 0x20 }.prefix(4)
    if start.starts(with: ".\\\"".utf8) || start.starts(with: "'\\\"".utf8) { return true }
    // A macro's name has one or two letters; `.PHONY:` is a makefile's.
    let name = start.dropFirst().prefix { $0.isASCIILetterOrDigit }
    return start.first == UInt8(ascii: ".") && name.first.map { 0x41...0x5a ~= $0 } == true && name.count < 3
  }

  /// A text of Markdown without its fenced blocks, which are examples; nil for any other text, such as a script or one block alone.
  static func withoutFencedBlocks(_ bytes: [UInt8]) -> [UInt8]? {
    let fence = Array("```".utf8)
    // Most texts have no backtick, and need not be divided into lines.
    if bytes.starts(with: "#!".utf8) || bytes.firstIndex(of: fence[0], from: 0) == nil { return nil }
    var kept: [UInt8] = []
    var isInside = false, hasBlock = false
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      if line.starts(with: fence), !line.dropFirst(fence.count).contains(fence[0]) {
        isInside.toggle()
        hasBlock = true
      } else if !isInside {
        kept += line + [0x0a]
      }
    }
    return hasBlock && kept.contains { $0 > 0x20 } ? kept : nil
  }

  /// Whether a line is a statement of a template language: `{% for gpu in gpus %}`.
  static func isTemplate(_ bytes: [UInt8]) -> Bool {
    var position = 0
    while let brace = bytes.firstIndex(of: UInt8(ascii: "{"), from: position) {
      position = brace + 1
      guard bytes[brace...].starts(with: "{%".utf8),
        bytes[..<brace].last(where: { $0 > 0x20 || $0 == 0x0a }).map({ $0 == 0x0a }) ?? true
      else { continue }
      let end = bytes.lineEnd(from: brace)
      position = end
      if let last = bytes[..<end].lastIndex(where: { $0 > 0x20 }), bytes[brace...last].suffix(2).elementsEqual("%}".utf8) { return true }
    }
    return false
  }

  /// The tool that a script makes or changes a guest with; nil when it mentions none.
  static func tool(_ bytes: [UInt8]) -> String? {
    let text = String(decoding: bytes.prefix(256 << 10), as: UTF8.self)
    return tools.first { $0.1.contains(where: text.contains) }?.0
  }

  private static let tools: [(String, [String])] = [
    ("a virt-install command: lint what it prints with --print-xml", ["virt-install "]),
    ("a command of Proxmox: lint /etc/pve/qemu-server/VMID.conf when it is done", ["qm set ", "qm create "]),
    (
      "a script of virsh: lint the XML that it gives to libvirt, or `virsh dumpxml NAME`",
      ["virsh attach-", "virsh define", "virsh create", "virsh nodedev-", "virsh start"]
    ),
    ("a command of cloud-hypervisor: vfiogate judges QEMU only", ["cloud-hypervisor "]),
    ("a command of crosvm: vfiogate judges QEMU only", ["crosvm "]),
    ("a container's command: lint /proc/PID/cmdline of the QEMU that the container runs", ["docker run ", "podman run "])
  ]

  private static let kinds: [(String, [String])] = [
    ("a transcript of virsh: give one domain or one device of it, or what `virsh dumpxml --inactive NAME` prints", ["virsh # "])
  ] + tools + [
    (
      "a KubeVirt VirtualMachine: use vfiogate hook kubevirt, or virsh dumpxml in the pod",
      ["kubevirt.io/", "kind: VirtualMachine", "\"kind\": \"VirtualMachine", "\"kind\":\"VirtualMachine"]
    ),
    (
      "an Incus instance: lint the qemu.conf that Incus writes for it",
      ["volatile.", "type: virtual-machine", "security.secureboot", "gputype:", "nictype:"]
    ),
    ("a profile of LXD or Incus: lint the qemu.conf that is written for an instance with it", ["raw.qemu"]),
    ("a container of Proxmox, which QEMU does not run", ["\nlxc.", "\nrootfs: "]),
    ("a Compose file: lint /proc/PID/cmdline of the QEMU that its container runs", ["services:\n"]),
    ("a Vagrantfile: lint `virsh dumpxml NAME` of its guest", ["Vagrant.configure"]),
    ("a Packer template: lint the command line that it starts QEMU with", ["source \"qemu\"", "qemuargs"]),
    ("a configuration of Firecracker: vfiogate judges QEMU only", ["\"boot-source\""]),
    ("a quickemu configuration: lint the script that quickemu writes beside it", ["guest_os=", "disk_img=", "extra_args="]),
    ("a configuration of VMware: vfiogate judges QEMU only", ["pciPassthru0.", "virtualHW.version"]),
    ("a configuration of bhyve: vfiogate judges QEMU only", ["\npassthru0="]),
    (
      "a configuration of Xen, which assigns devices without vfio: vfiogate judges QEMU only",
      ["\ndevice_model_args", "\npci = [", "\npci=[", "builder = \"hvm\"", "builder = 'hvm'"]
    ),
    ("a mediated device of mdevctl: lint the definition of the guest that has it", ["\"mdev_type\""]),
    (
      "a Terraform file: lint what it deploys, with `virsh dumpxml NAME` or the Proxmox configuration",
      ["resource \"libvirt_", "resource \"proxmox_"]
    ),
    ("an Ansible playbook or another YAML file: lint the definition that it deploys", ["\n- hosts:", "apiVersion:", "---\n"]),
    ("a NixOS configuration: lint the definition that it builds", ["{ config, pkgs", "{ pkgs, ", "virtualisation.", "microvm"]),
    ("a Python program: lint the command line that it builds, as a JSON list", ["import subprocess", "\ndef ", "import os"])
  ]
}
