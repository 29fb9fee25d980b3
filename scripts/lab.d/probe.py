"""What `vfiogate probe` says of this machine, and what its kernel does."""
import json, subprocess
import host

RECORDING = "/tmp/lab/host"


def record():
    """Records this host with the changes of a trial, and with what only binding shows."""
    bound = [d["host"] for d in host.all_facts() if d["hw-info"]]
    subprocess.run(["vfiogate", "probe", "--record", RECORDING, *(["--bind", *bound] if bound else [])], capture_output=True, timeout=300)


def probe():
    """Every device that is bound to vfio-pci, as the kernel and as vfiogate see it; the kernel's answer about ATS by device."""
    devices = host.all_facts()
    bound = [d["host"] for d in devices if d["hw-info"]]
    def vfiogate(*args):
        run = subprocess.run(["vfiogate", "probe", *args], capture_output=True, text=True, timeout=300)
        return {"exit": run.returncode, "stdout": run.stdout, "stderr": run.stderr}
    def save(name, answer):
        with open(f"/share/{name}", "w") as f:
            json.dump(answer, f)
    save("probe.json", vfiogate("--format", "json"))
    if bound:
        save("bound.json", vfiogate("--bind", "--format", "json", *bound))
    save("recording.json", vfiogate("--record", "/share/host", *(["--bind", *bound] if bound else [])))
    save("devices.json", devices)
    with open("/share/interrupts", "w") as f:
        f.write(host.text("/proc/interrupts"))
    return {d["host"]: d["hw-info"] for d in devices}
