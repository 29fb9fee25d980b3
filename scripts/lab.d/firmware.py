"""firmware.py device-tree FILE PROPERTY: gives the PCI host bridge of a device tree an empty property, in place.
firmware.py iort FILE [ats] [canwbs]: prints an archive for the beginning of an initramfs with the firmware's IORT, in which each
root complex has the ATS attribute, or keeps caches coherent (Linux CONFIG_ACPI_TABLE_UPGRADE)."""
import struct, sys


def with_property(tree, name):
    """Devicetree Specification 0.4, chapter 5: a token before the first one in the node of the bridge, and its name behind the
    other names."""
    magic, _, structure, names, reserved, *versions, names_size, structure_size = struct.unpack_from(">10I", tree)
    assert magic == 0xD00DFEED
    node = tree.index(b"\0\0\0\1pcie@", structure)
    at = node + 4 + (tree.index(b"\0", node + 4) - node - 4 + 4) // 4 * 4  # behind the name and its padding
    token = struct.pack(">3I", 3, 0, names_size)
    strings = tree[names:names + names_size] + name.encode() + b"\0"
    nodes = tree[structure:at] + token + tree[at:structure + structure_size]
    head = tree[reserved:min(structure, names)]
    start = 40 + len(head)
    return struct.pack(">10I", magic, start + len(nodes) + len(strings), start, start + len(nodes), 40, *versions,
                       len(strings), len(nodes)) + head + nodes + strings


def with_attributes(table, attributes):
    """Arm DEN 0049: a root complex is type 2; ATS is bit 0 of the word at 24, CANWBS bit 2 of the memory flags at 23."""
    table = bytearray(table)
    count, at = struct.unpack_from("<II", table, 36)
    found = 0
    for _ in range(count):
        if table[at] == 2:
            found += 1
            if "ats" in attributes:
                table[at + 24] |= 1
            if "canwbs" in attributes:
                table[at + 23] |= 4
        at += struct.unpack_from("<H", table, at + 1)[0]
    assert found
    # Linux replaces a table by one of a newer revision (ACPI 6.5 §5.2.6), with the checksum at 9.
    struct.pack_into("<I", table, 24, struct.unpack_from("<I", table, 24)[0] + 1)
    table[9] = (table[9] - sum(table)) & 0xFF
    return bytes(table)


def archive(files):
    """The format "newc" of cpio (linux Documentation/driver-api/early-userspace/buffer-format.rst)."""
    out = b""
    for number, (name, mode, data) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        for part in (head, data):
            out += part + b"\0" * (-len(part) % 4)
    return out


def main(kind, path, *more):
    with open(path, "rb") as f:
        given = f.read()
    if kind == "device-tree":
        with open(path, "wb") as f:
            f.write(with_property(given, *more))
    else:
        folders = [(name, 0o40755, b"") for name in ("kernel", "kernel/firmware", "kernel/firmware/acpi")]
        sys.stdout.buffer.write(archive(folders + [("kernel/firmware/acpi/iort.aml", 0o100644, with_attributes(given, more))]))


main(*sys.argv[1:])
