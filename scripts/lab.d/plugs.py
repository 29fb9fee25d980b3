"""One plug, cold or hot: what vfiogate says to it, then what QEMU does with it."""
import contextlib, json, os, subprocess
import host
from guest import TOPOLOGY, Gone, Guest, become
from probe import RECORDING
from trials import IOMMUFD, keyval, properties

VFIOGATE = ["vfiogate", "lint", "--format", "json", "--qemu", os.environ["LAB_QEMU_VERSION"]]


NUMBER = 30  # of a passed descriptor: nothing else of this process comes so far


def lint(t, passed, *files):
    """What vfiogate says to files of the given contents, run as the user that QEMU will run as, with the
    descriptor that QEMU will be passed. Where this host does not decide, `bound` is what it says on the recording of devices that
    were bound, if there is one, which has no descriptors."""
    names = ["--fd", f"dev0={passed}"] if passed is not None else []
    for option, content in files:
        names += ([option] if option else []) + [f"/tmp/lab/lint{len(names)}"]
        with open(names[-1], "wb") as f:
            f.write(content)
    said = ask(t, passed, ["--host", "live", "--inherited-fds", *names])
    if passed is None and is_open(said) and os.path.exists(RECORDING):
        said["bound"] = ask(t, passed, ["--host", RECORDING, *names])
    return said


def ask(t, passed, arguments):
    run = subprocess.run(VFIOGATE + arguments, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                         pass_fds=() if passed is None else (passed,), preexec_fn=lambda: become(t["user"], t["memlock"]))
    if run.returncode not in (0, 1, 2) or not run.stdout:
        return {"exit": run.returncode, "stderr": run.stderr[:2000]}
    definition = json.loads(run.stdout)["definitions"][0]
    return {"exit": run.returncode, "verdict": definition["verdict"], "devices": definition["devices"],
            "rules": [f["rule"] for f in definition["findings"]],
            "quoted": [f["message"] + " " + " ".join(f["evidence"]) for f in definition["findings"] if f["severity"] == "error"]}


def is_open(said):
    return any(d["not-known"] or "undetermined" in (d["warnings"], d["guest-sees-ats"]) for d in said.get("devices", []))


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
        args += ["-device", keyval(device) if t["cold"] == "keyval" else json.dumps(device), *t["after"]]
    return Guest(args, t["user"], t["memlock"], tag, t["topology"] or TOPOLOGY, t["machine"])


@contextlib.contextmanager
def cdev(t):
    """The descriptor that is passed to QEMU; None where none is."""
    if t["backend"] != "fd":
        yield None
        return
    fd = os.open(host.cdev(t["host"]), os.O_RDWR)
    os.dup2(fd, NUMBER)
    os.close(fd)
    try:
        yield NUMBER
    finally:
        os.close(NUMBER)


def run_cold(t):
    g = guest(t, properties(t, str(NUMBER) if t["backend"] == "fd" else None))
    with cdev(t) as fd:
        out = {"argv": g.argv, "prediction": lint(t, fd, (None, nul(g.full)))}
        g.start(() if fd is None else (fd,))
    try:
        out |= g.look("d0")
    except Gone:
        pass
    return out | {"rc": g.end(), "stderr": g.stderr()}


def run_hot(t, g):
    request = properties(t, "dev0" if t["backend"] == "fd" else None)
    qmp = {"execute": "device_add", "arguments": request}
    out = {"argv": g.argv, "qmp": qmp, "reply": None}
    try:
        with cdev(t) as fd:
            out["prediction"] = lint(t, fd, (None, json.dumps(qmp).encode()), ("--guest", nul(g.full)))
            if fd is not None:
                g.command("getfd", {"fdname": "dev0"}, [fd])
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
