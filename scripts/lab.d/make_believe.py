"""make_believe.py ROOT LIBRARY RECORDING < trials > rows: what the QEMU of a root does on a make-believe host.

A trial is a JSON line: "argv" (QEMU's options, without the program) and "plugs" (arguments of device_add in order, or
text for the human monitor; a dictionary with "execute" is
another command, and device_del is followed by a reset of the machine, with which ACPI's unplug is complete); "config" is the text of /tmp/config, for -readconfig. A row is the trial with "rc" and "stderr", and for plugs "started" (whether QEMU came to
them) and "replies", one for each, null where QEMU died; a device that QEMU reports as deleted is an event in "plugs". The vfio and iommufd calls are answered by make-believe.c from the recording; everything else,
QEMU included, is real. Needs root: the host's files are mounted over the root's /sys and /dev, in a namespace of
this process alone.
"""
import ctypes, json, os, shutil, socket, subprocess, sys, tempfile

# Debian 12 and 13 leave qtest out; no processor runs anyway.
QUIET = ["-accel", "tcg", "-display", "none", "-S"]
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
SECONDS = 30


class Recording:
    """The lines of a recording that the make-believe needs, by device."""

    def __init__(self, path):
        self.facts, self.devices, self.groups, self.config = {}, {}, {}, {}
        for line in open(path):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0].count(":") == 2:
                if words[1] == "config":
                    self.add_config(words[0], words[2], words[3:])
                else:
                    self.devices.setdefault(words[0], {})[words[1]] = words[2:]
            elif words[0] == "group":
                self.groups.setdefault(int(words[1]), {})[words[2]] = words[3:]
            elif words[0] == "iommu":
                self.facts[f"iommu {words[2]}"] = words[3:]
            else:
                self.facts[words[0]] = words[1:]

    def add_config(self, bdf, offset, values):
        space = self.config.setdefault(bdf, bytearray(4096))
        first, _, last = offset.partition("..")
        start = int(first, 16)
        data = bytes(int(v, 16) for v in values)
        if last:
            data *= int(last, 16) - start + 1
        space[start:start + len(data)] = data

    def one(self, bdf, fact, default="none"):
        return (self.devices[bdf].get(fact) or [default])[0]


class Host:
    """A recording laid out as files below the root, and described for the library."""

    def __init__(self, root, library, recording):
        self.root, self.recording, self.folder = root, recording, f"{root}/tmp"
        self.mount(root)
        self.kinds = {}
        shutil.copy(library, f"{root}/dev/make-believe.so")
        lines = [f"interrupts {int(recording.facts.get('interrupts-isolated') == ['yes'])}"]
        cap = recording.facts.get("iommu cap", ["0x0"])[0]
        # VT-d CAP 21:16 (MGAW), plus one.
        lines.append(f"width {(int(cap, 16) >> 16 & 0x3f) + 1 if int(cap, 16) else 48}")
        lines.append(f"registers {cap[2:]} {recording.facts.get('iommu ecap', ['0x0'])[0][2:]}")
        for minor, bdf in enumerate(sorted(recording.devices)):
            lines.append(self.add(bdf, minor))
        open(f"{root}/dev/make-believe", "w").write("\n".join(lines) + "\n")
        # Option ROMs of three kinds, and a folder; /tmp/rom/missing does not exist.
        os.makedirs(f"{root}/tmp/rom/folder")
        for name, size in (("empty", 0), ("vbios", 65536)):
            open(f"{root}/tmp/rom/{name}", "wb").write(bytes(size))
        for node in ("iommu", "vfio/vfio"):
            open(f"{root}/dev/{node}", "w").close()

    @staticmethod
    def mount(root):
        libc = ctypes.CDLL(None, use_errno=True)

        def call(name, *arguments):
            if getattr(libc, name)(*arguments) != 0:
                raise OSError(ctypes.get_errno(), f"{name} {arguments}: {os.strerror(ctypes.get_errno())}")

        call("unshare", CLONE_NEWNS)
        call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        for folder in ("sys", "dev", "tmp", "proc"):
            call("mount", b"proc" if folder == "proc" else b"tmpfs", f"{root}/{folder}".encode(),
                 b"proc" if folder == "proc" else b"tmpfs", 0, None)
        for name, minor in (("null", 3), ("zero", 5), ("urandom", 9), ("random", 8)):
            os.mknod(f"{root}/dev/{name}", 0o020666, os.makedev(1, minor))
        os.makedirs(f"{root}/dev/vfio/devices")

    def add(self, bdf, minor):
        r, root = self.recording, self.root
        folder = f"{root}/sys/bus/pci/devices/{bdf}"
        group, cdev = r.one(bdf, "group"), r.one(bdf, "cdev")
        os.makedirs(folder)
        if group != "none":
            os.makedirs(f"{root}/sys/kernel/iommu_groups/{group}/devices", exist_ok=True)
            os.symlink(f"../../../../kernel/iommu_groups/{group}", f"{folder}/iommu_group")
            if r.groups.get(int(group), {}).get("node") == ["accessible"]:
                open(f"{root}/dev/vfio/{group}", "w").close()
        bound = r.one(bdf, "driver") == "vfio-pci"
        if cdev != "none":
            os.makedirs(f"{folder}/vfio-dev/{cdev}")
            open(f"{folder}/vfio-dev/{cdev}/dev", "w").write(f"511:{minor}\n")
            open(f"{root}/dev/vfio/devices/{cdev}", "w").close()
            self.kinds[bdf] = cdev
        config = r.config.get(bdf, bytearray(4096))
        viable = int(bound or r.one(bdf, "driver") in ("none", "pcieport", "pci-stub") or config[0x0e] & 0x7f != 0)
        sizes = " ".join(f"{int(size, 16):x}" for size in r.devices[bdf].get("region-sizes", ["0x0"] * 7))
        resets = int(r.devices[bdf].get("reset-methods") not in (["none"], None))
        return (f"device {bdf} {-1 if group == 'none' else group} {cdev} {minor} {int(bound)} {viable} "
                f"{int(r.one(bdf, 'kernel-ats') == 'unsupported')} {r.one(bdf, 'config-size', '256')} "
                f"{r.one(bdf, 'class', '0x0')[2:]} {config[0x3d]} {resets} {sizes}")

    environment = {"PATH": "/usr/bin", "LD_PRELOAD": "/dev/make-believe.so", "MAKE_BELIEVE": "/dev/make-believe"}

    def enter(self):
        """In the child, before QEMU."""
        os.chroot(self.root)
        os.chdir("/")

    def reset(self):
        """Config spaces as recorded: QEMU has written to them."""
        for bdf, cdev in self.kinds.items():
            with open(f"{self.root}/dev/vfio/devices/{cdev}", "r+b") as file:
                file.truncate(9 << 40)
                file.seek(7 << 40)
                file.write(self.recording.config.get(bdf, bytes(4096)))


def deleted(plug):
    """The id of a device that a command unplugs; nothing for any other command."""
    if isinstance(plug, str):
        return plug.removeprefix("device_del ").strip() if plug.startswith("device_del ") else None
    return plug["arguments"]["id"] if plug.get("execute") == "device_del" else None


class Trial:
    """One start of QEMU with its plugs, on a host that has an environment, `enter` and `reset`."""

    def __init__(self, host, program, trial, seconds=SECONDS):
        self.host, self.program, self.trial, self.seconds = host, program, trial, seconds
        self.started, self.plugs, self.deleted, self.events = False, [], [], set()

    def run(self):
        self.host.reset()
        if "config" in self.trial:
            with open(f"{self.host.folder}/config", "w") as file:
                file.write(self.trial["config"])
        ours, theirs = socket.socketpair()
        argv = [self.program, *QUIET, "-chardev", f"socket,id=make-believe,fd={theirs.fileno()}",
                "-mon", "chardev=make-believe,mode=control", *self.trial["argv"]]
        with tempfile.TemporaryFile() as errors:
            qemu = subprocess.Popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=errors,
                                    stderr=errors, env=self.host.environment, preexec_fn=self.host.enter)
            theirs.close()
            ours.settimeout(self.seconds)
            replies = self.talk(ours.makefile("rwb"))
            ours.close()
            try:
                rc = qemu.wait(self.seconds)
            except subprocess.TimeoutExpired:
                qemu.kill()
                rc = qemu.wait()
            errors.seek(0)
            lines = errors.read().decode(errors="replace").splitlines()
        lines = [line for line in lines if "'-mon' is deprecated" not in line]
        # Signal numbers as Python gives them: negative.
        row = dict(self.trial, rc=rc, stderr=[line.removeprefix(f"{self.program}: ") for line in lines])
        return row | ({"plugs": self.plugs, "replies": replies, "started": self.started} if self.trial.get("plugs") else {})

    def talk(self, stream):
        # Of an earlier run.
        plugs = [plug for plug in self.trial.get("plugs", []) if isinstance(plug, str) or "event" not in plug]
        replies, self.plugs = [], []
        try:
            if not stream.readline():
                raise OSError("QEMU is gone")
            # The greeting comes before the devices, this answer after them.
            self.ask(stream, {"execute": "qmp_capabilities"})
            self.started = True
            for plug in plugs:
                if isinstance(plug, str):
                    command = {"execute": "human-monitor-command", "arguments": {"command-line": plug}}
                elif "execute" in plug:
                    command = plug
                else:
                    command = {"execute": "device_add", "arguments": plug}
                self.deleted, self.events = [], set()
                reply = self.ask(stream, command)
                unplugged = deleted(plug)
                if unplugged and not reply.get("return", "Error"):
                    self.ask(stream, {"execute": "system_reset"})
                    self.wait(stream, "RESET")
                    path = "/machine/peripheral/" + unplugged
                    # QEMU reports the end only when the last reference has gone.
                    if "error" in self.ask(stream, {"execute": "qom-list", "arguments": {"path": path}}):
                        self.wait(stream, "DEVICE_DELETED")
                # A file of the human monitor's commands has no events.
                if isinstance(plug, str):
                    self.deleted = []
                self.plugs += [plug, *self.deleted]
                replies += [reply] + [{"return": {}} for _ in self.deleted]
            self.ask(stream, {"execute": "quit"})
        except (OSError, ValueError):
            pass
        self.plugs += plugs[sum(isinstance(plug, str) or "event" not in plug for plug in self.plugs):]
        return replies + [None] * (len(self.plugs) - len(replies))

    def ask(self, stream, command):
        stream.write(json.dumps(command).encode() + b"\n")
        stream.flush()
        return self.wait(stream)

    def wait(self, stream, event=None):
        """An answer; or an event of that name, which may have come before."""
        while event not in self.events:
            line = stream.readline()
            if not line:
                raise OSError("QEMU is gone")
            message = json.loads(line)
            if "event" not in message:
                return message
            self.events.add(message["event"])
            if message["event"] == "DEVICE_DELETED" and "device" in message["data"]:
                self.deleted.append({"event": "DEVICE_DELETED", "data": {"device": message["data"]["device"]}})


def main(root, library, recording, program="qemu-system-x86_64"):
    host = Host(root, library, Recording(recording))
    for line in sys.stdin:
        print(json.dumps(Trial(host, program, json.loads(line)).run()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
