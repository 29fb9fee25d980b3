"""One inner QEMU under the qtest accelerator: start it, talk QMP, read its config space as a guest would."""
import json, os, resource, shutil, socket, subprocess, time
from host import ARM

TMP = "/tmp/lab"
TOPOLOGY = [
    "-device", "pcie-root-port,id=rp,bus=pcie.0,addr=4.0,chassis=1",
    "-device", "pcie-root-port,id=rp2,bus=pcie.0,addr=5.0,chassis=2",
    "-device", "pcie-root-port,id=rpb,bus=pcie.0,addr=6.0,chassis=3",
    "-device", "pcie-pci-bridge,id=ppb,bus=rpb",
]
# bus numbers given to the bridges above: bus, slot, secondary, subordinate
BRIDGES = [(0, 4, 1, 1), (0, 5, 2, 2), (0, 6, 3, 4), (3, 0, 4, 4)]
PROGRAM, MACHINE, ECAM = ("qemu-system-aarch64", "virt", 0x4010000000) if ARM else ("qemu-system-x86_64", "q35", 0xB0000000)
KVM = os.environ.get("LAB_ACCELERATOR") == "kvm"
FIRMWARE = f"{TMP}/firmware"


def accelerator():
    """The arguments after the machine: with KVM, firmware that never runs."""
    if not KVM:
        return ["-accel", "qtest", "-m", "64"]
    with open(FIRMWARE, "wb") as f:
        f.truncate(4096)
    return ["-accel", "kvm", "-cpu", "host", "-bios", FIRMWARE, "-m", "128"]


class Gone(Exception):
    """QEMU is not there any more."""


def become(user, memlock):
    """Limits first: a raised one needs root."""
    if memlock is not None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (memlock, memlock))
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


class Guest:
    def __init__(self, args, user=None, memlock=None, tag="a", topology=TOPOLOGY, machine=None):
        self.dir = f"{TMP}/{tag}"
        self.user, self.memlock = user, memlock
        # The recorded arguments are without the lab's own sockets.
        machine = (machine or MACHINE) + (",gic-version=3" if KVM else "")
        self.argv = [PROGRAM, "-machine", machine, *accelerator(), "-nodefaults", "-display", "none", "-S", *topology, *args]
        self.full = self.argv + ["-qtest", f"unix:{self.dir}/qtest,server=on,wait=off", "-qtest-log", "none",
                                 "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off"]
        self.qmp = self.qtest = self.proc = None
        self.read = 0

    def start(self, fds=()):
        """Starts QEMU. A QEMU that ends at once is not an error here: the next command reports that it has ended."""
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o777)
        with open(f"{self.dir}/stderr", "wb") as err:
            self.proc = subprocess.Popen(self.full, pass_fds=fds, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=err,
                                         stderr=err, preexec_fn=lambda: become(self.user, self.memlock))
        try:
            self.qmp = self._connect("qmp")
            self.qmp_rd = self.qmp.makefile("rb")
            self._reply()
            self.command("qmp_capabilities")
        except Gone:
            pass
        return self

    def _connect(self, name):
        end = time.time() + 60
        while time.time() < end:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(f"{self.dir}/{name}")
                s.settimeout(60)
                return s
            except OSError:
                s.close()
                if self.proc.poll() is not None:
                    raise Gone
                time.sleep(0.01)
        raise Gone

    def _reply(self):
        while True:
            try:
                line = self.qmp_rd.readline()
            except OSError:
                raise Gone
            if not line:
                raise Gone
            reply = json.loads(line)
            if "event" not in reply:
                return reply

    def command(self, execute, arguments=None, fds=()):
        request = {"execute": execute}
        if arguments is not None:
            request["arguments"] = arguments
        try:
            if fds:
                socket.send_fds(self.qmp, [json.dumps(request).encode() + b"\n"], list(fds))
            else:
                self.qmp.sendall(json.dumps(request).encode() + b"\n")
        except (OSError, AttributeError):
            raise Gone
        return self._reply()

    def runs(self):
        try:
            return "return" in self.command("query-status")
        except Gone:
            return False

    def test(self, line):
        try:
            if not self.qtest:
                self.qtest = self._connect("qtest")
                self.qtest_rd = self.qtest.makefile("r")
            self.qtest.sendall(line.encode() + b"\n")
            words = self.qtest_rd.readline().split()
        except OSError:
            raise Gone
        if not words:
            raise Gone
        return int(words[1], 16) if len(words) > 1 else None

    def find(self, qdev_id):
        """Guest address of a device: bridges get their bus numbers, then QEMU is asked."""
        if not ARM:
            self.test("outl 0xcf8 0x80000060")
            self.test(f"outl 0xcfc {ECAM | 1:#x}")
        for bus, slot, secondary, subordinate in BRIDGES:
            value = bus | secondary << 8 | subordinate << 16
            self.test(f"writel {ECAM + (bus << 20) + (slot << 15) + 0x18:#x} {value:#x}")
            if ARM and bus == 0:
                self.switch_slot(slot, on=True)
        todo = [d for b in self.command("query-pci")["return"] for d in b["devices"]]
        while todo:
            d = todo.pop()
            if d["qdev_id"] == qdev_id:
                return d["bus"], d["slot"], d["function"]
            # Buses behind other ports have no number, by which they could be reached.
            todo += [one for one in d.get("pci_bridge", {}).get("devices", []) if one["bus"]]
        return None

    def look(self, qdev_id):
        """Whether the guest sees an ATS capability; nothing when firmware would not find the device."""
        where = self.find(qdev_id)
        if where is None:
            return {}
        bus, slot, fn = where
        base = ECAM + (bus << 20) + (slot << 15) + (fn << 12)
        read = lambda at: self.test(f"readl {base + at:#x}") & 0xFFFFFFFF
        caps, at = [], 0x100
        while at and len(caps) < 480:  # as many as fit into 4 KiB
            dword = read(at)
            if dword in (0, 0xFFFFFFFF):
                break
            caps.append(dword & 0xFFFF)
            at = dword >> 20 & 0xFFC
        return {"ats-visible": 15 in caps}

    def switch_slot(self, slot, on):
        """Power of the slot below a root port, where hot plugs are the port's own: Slot Control of the PCI Express capability
        (PCIe 6.0 §7.5.3.10), bit 10 power off, bits 9:8 the power indicator, of which 3 is off. QEMU hides a plugged device
        without power, and one that is being unplugged goes when power and indicator are off (hw/pci/pcie.c:
        pcie_cap_slot_write_config)."""
        port = ECAM + (slot << 15)
        read = lambda at, kind="readl": self.test(f"{kind} {port + at:#x}")
        at = read(0x34) & 0xFC
        while at and read(at, "readb") != 0x10:
            at = read(at + 1, "readb") & 0xFC
        if at:
            control = read(at + 0x18, "readw")
            self.test(f"writew {port + at + 0x18:#x} {control & ~0x400 if on else control | 0x700:#x}")

    def unplug(self, qdev_id):
        """No guest runs that would release the device; a reset completes the unplug of ACPI, its port that of the port itself."""
        where = self.find(qdev_id) if ARM else None
        self.command("device_del", {"id": qdev_id})
        if not ARM:
            self.command("system_reset")
        for bus, slot, secondary, _ in BRIDGES:
            if where and bus == 0 and secondary == where[0]:
                self.switch_slot(slot, on=False)
        for _ in range(1200):
            if not self.holds_devices():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{qdev_id} does not go away")

    def holds_devices(self):
        """An unplugged device's nodes stay open for a while after it has gone from QEMU's tree."""
        fds = f"/proc/{self.proc.pid}/fd"
        try:
            targets = [os.readlink(f"{fds}/{n}") for n in os.listdir(fds)]
        except OSError:
            return True
        return any(t.startswith("/dev/vfio/") and t != "/dev/vfio/vfio" for t in targets)

    def stderr(self):
        """What was printed since the last time."""
        with open(f"{self.dir}/stderr", errors="backslashreplace") as f:
            f.seek(self.read)
            text = f.read()
            self.read = f.tell()
        return text.splitlines()

    def end(self):
        """Quits and returns the exit status (negative: killed by that signal)."""
        try:
            self.command("quit")
        except Gone:
            pass
        try:
            rc = self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            rc = self.proc.wait()
        for s in (self.qmp, self.qtest):
            if s:
                s.close()
        return rc
