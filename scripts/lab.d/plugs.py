"""One plug, cold or hot: what vfiogate says to it, then what QEMU does with it."""
import json, os, subprocess
import host
from guest import TOPOLOGY, Gone, Guest, become
from trials import IOMMUFD, keyval, properties

VFIOGATE = ["vfiogate", "lint", "--host", "live", "--format", "json", "--qemu", os.environ["LAB_QEMU_VERSION"]]


def lint(t, *files):
    """What vfiogate says to files of the given contents, run as the user that QEMU will run as."""
    names = []
    for option, content in files:
        names += ([option] if option else []) + [f"/tmp/lab/lint{len(names)}"]
        with open(names[-1], "wb") as f:
            f.write(content)
    run = subprocess.run(VFIOGATE + names, capture_output=True, text=True, timeout=120,
                         preexec_fn=lambda: become(t["user"], t["memlock"]))
    if run.returncode not in (0, 1, 2) or not run.stdout:
        return {"exit": run.returncode, "stderr": run.stderr[:2000]}
    definition = json.loads(run.stdout)["definitions"][0]
    return {"exit": run.returncode, "verdict": definition["verdict"], "devices": definition["devices"],
            "rules": [f["rule"] for f in definition["findings"]]}


def nul(argv):
    return b"".join(a.encode() + b"\0" for a in argv)


def arguments(t):
    """Everything on the command line but the device itself."""
    objects = t["objects"]
    if objects is None:
        uses = t["backend"] != "legacy" or any("iommufd" in b for b in t["before"])
        objects = IOMMUFD if uses else ()
    args = [*objects, *t["args"]]
    if t["glob"]:
        args += ["-global", t["glob"]]
    for b in t["before"]:
        args += ["-device", json.dumps(b)]
    return args


def guest(t, device=None, tag="a"):
    args = arguments(t)
    if device is not None:
        args += ["-device", keyval(device) if t["cold"] == "keyval" else json.dumps(device)]
    return Guest(args, t["user"], t["memlock"], tag, t["topology"] or TOPOLOGY, t["machine"])


def open_cdev(t):
    return os.open(host.cdev(t["host"]), os.O_RDWR) if t["backend"] == "fd" else None


def run_cold(t):
    number = 9  # free in a new QEMU; the descriptor itself is made after the prediction
    g = guest(t, properties(t, str(number) if t["backend"] == "fd" else None))
    out = {"argv": g.argv, "prediction": lint(t, (None, nul(g.full)))}
    fd = open_cdev(t)
    if fd is None:
        g.start()
    else:
        os.dup2(fd, number)
        os.close(fd)
        g.start((number,))
        os.close(number)
    try:
        out |= g.look("d0")
    except Gone:
        pass
    return out | {"rc": g.end(), "stderr": g.stderr()}


def run_hot(t, g):
    request = properties(t, "dev0" if t["backend"] == "fd" else None)
    qmp = {"execute": "device_add", "arguments": request}
    out = {"argv": g.argv, "qmp": qmp, "reply": None,
           "prediction": lint(t, (None, json.dumps(qmp).encode()), ("--guest", nul(g.full)))}
    fd = open_cdev(t)
    try:
        if fd is not None:
            g.command("getfd", {"fdname": "dev0"}, [fd])
            os.close(fd)
        out["reply"] = g.command("device_add", request)
        if "return" in out["reply"]:
            out |= g.look("d0")
        if t["series"]:
            if "return" in out["reply"]:
                g.unplug("d0")
            if fd is not None:  # one that was not used is still open, and would keep the device busy
                g.command("closefd", {"fdname": "dev0"})
    except Gone:
        pass
    return out


class Series:
    """One QEMU serves the hot plugs of successive trials that want the same of it."""

    def __init__(self):
        self.guest = self.args = None

    def run(self, t):
        used = t["series"] and self.args == arguments(t)
        if not used:
            self.end()
            self.guest = guest(t, tag="hot").start()
            self.args = arguments(t)
            if not self.guest.runs():  # there is nothing to plug into: the cold trial says why
                self.end()
                return {}
        out = run_hot(t, self.guest)
        out["stderr"] = self.guest.stderr()
        if not t["series"] or out["reply"] is None:
            out["rc"] = self.end()
            out["stderr"] += self.last
        if used and out["reply"] is None:
            # Unplugging what went before may have killed it: the verdict is a new QEMU's.
            return self.run(t)
        return {"hot": out}

    def end(self):
        if self.guest is None:
            return None
        rc, self.last, self.guest, self.args = self.guest.end(), self.guest.stderr(), None, None
        return rc
