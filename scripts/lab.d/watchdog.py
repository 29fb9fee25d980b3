"""watchdog.py, inside the lab's machine: says on the console what each process waits for when no trial has ended for five
minutes. A process of its own: the one that runs the trials may be what waits."""
import os, time
from host import text

SECONDS = 300


def ended():
    """How much the trials have written."""
    return [os.path.getsize(f"/share/{name}") for name in ("trials.jsonl", "rows") if os.path.exists(f"/share/{name}")]


def report():
    """Each process with its state, and the function of the kernel in which each of its threads waits (proc(5))."""
    print(f"no trial has ended for {SECONDS} s:")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        command = (text(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip()
        if not command:  # a thread of the kernel
            continue
        print(pid, command)
        for thread in os.listdir(f"/proc/{pid}/task"):
            state = (text(f"/proc/{pid}/task/{thread}/stat") or "").rpartition(")")[2].split()[:1]
            print(" ", thread, *state, text(f"/proc/{pid}/task/{thread}/wchan"), flush=True)


def main():
    seen, since, reported = ended(), time.monotonic(), False
    while True:
        time.sleep(5)
        if ended() != seen:
            seen, since, reported = ended(), time.monotonic(), False
        elif time.monotonic() - since > SECONDS and not reported:
            report()
            reported = True


main()
