"""Hot plugs through `vfiogate proxy`, on a real kernel: requests that crash QEMU without it are refused, and a
device is plugged and unplugged through it. Writes /share/proxied.json, a row a claim: name, whether it holds, and what was seen;
run as a program it prints such a file and exits 1 when a claim does not hold, 2 when there is none."""
import json, os, signal, subprocess, sys, time
import host
from guest import Gone, Guest
from trials import EXPRESS, IOMMUFD, NIC


class Proxied(Guest):
    """A guest whose monitor is reached through the proxy."""
    proxy = None

    def _connect(self, name):
        if name == "qmp":
            self._begin()
            name = "proxied"
        return super()._connect(name)

    def _begin(self):
        end = time.time() + 60
        while not host.is_listening(f"{self.dir}/qmp"):
            if time.time() > end or self.proc.poll() is not None:
                raise Gone
            time.sleep(0.05)
        self.proxy = subprocess.Popen(["vfiogate", "proxy", "--listen", f"{self.dir}/proxied", "--qmp", f"{self.dir}/qmp",
                                       "--log", f"{self.dir}/log"])

    def log(self):
        with open(f"{self.dir}/log") as f:
            return f.read()

    def end(self):
        rc = super().end()
        if self.proxy:
            self.proxy.wait(20)
        return rc


def device(bdf, bus, name, **more):
    return {"driver": "vfio-pci", "host": bdf, "bus": bus, "id": name, **more}


def reply(guest, request):
    """QEMU's or the proxy's answer; None when QEMU has crashed."""
    try:
        return guest.command("device_add", request)
    except Gone:
        return None


def mixed(kind, first, second, tag):
    """A device of one backend is there from the start, one of the other is plugged."""
    g = kind([*IOMMUFD, "-device", json.dumps(device(NIC, "rp", "d0", **first))], tag=tag).start()
    answer = reply(g, device(EXPRESS, "rp2", "d1", **second))
    alive = g.runs()
    return answer, alive, g.end()


def main():
    rows = []

    def claim(name, holds, seen):
        rows.append({"name": name, "holds": bool(holds), "seen": seen})

    iommufd, legacy = {"iommufd": "iommufd0"}, {}
    for name, first, second in (("iommufd into legacy", legacy, iommufd), ("legacy into iommufd", iommufd, legacy)):
        answer, alive, rc = mixed(Guest, first, second, "bare")
        claim(f"without the proxy, {name} kills QEMU", answer is None and rc == -signal.SIGABRT, [answer, rc])
        answer, alive, rc = mixed(Proxied, first, second, "guarded")
        text = (answer or {}).get("error", {}).get("desc", "")
        claim(f"through the proxy, {name} is refused and QEMU runs on",
              text.startswith("vfiogate: refused: mixed-backends: ") and alive and rc == 0, [answer, rc])
    for name, more in (("legacy", legacy), ("iommufd", iommufd)):
        g = Proxied(list(IOMMUFD), tag=f"plug-{name}").start()
        try:
            for turn in range(2):
                answer = reply(g, device(NIC, "rp", "d0", **more))
                claim(f"through the proxy, {name} is plugged ({turn})", answer == {"return": {}}, answer)
                again = reply(g, device(NIC, "rp2", "d1", **more)) or {}
                claim(f"the same device again is refused ({turn})", "vfiogate: refused: " in again.get("error", {}).get("desc", ""), again)
                g.unplug("d0")
            claim(f"{name}: no prediction was wrong", " mismatch " not in g.log(), g.log()[-2000:])
        except (Gone, RuntimeError) as e:
            claim(f"{name}: plugged and unplugged", False, repr(e) + g.log()[-2000:])
        g.end()
    g = Proxied(list(IOMMUFD), tag="fd").start()
    fd = os.open(host.cdev(NIC), os.O_RDWR)
    answer = [g.command("getfd", {"fdname": "nic"}, [fd])]
    os.close(fd)
    request = {"driver": "vfio-pci", "bus": "rp", "fd": "nic", "iommufd": "iommufd0"}
    answer.append(reply(g, request))
    claim("a passed descriptor without an id is refused", "fd-without-id" in json.dumps(answer[-1]) and g.runs(), answer)
    answer.append(reply(g, {**request, "id": "d0"}))
    claim("a passed descriptor with an id is plugged", answer[-1] == {"return": {}}, [answer, g.log()[-2000:]])
    g.end()
    with open("/share/proxied.json", "w") as f:
        json.dump(rows, f, indent=1)


def report(path):
    try:
        with open(path) as f:
            rows = json.load(f)
    except OSError as e:
        sys.exit(print(f"lab: no results of the proxy: {e}") or 2)
    for row in rows:
        print("ok  " if row["holds"] else "FAIL", row["name"], "" if row["holds"] else json.dumps(row["seen"]))
    sys.exit(0 if rows and all(row["holds"] for row in rows) else 1)


if __name__ == "__main__":
    report(sys.argv[1])
