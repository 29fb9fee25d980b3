"""Says on the console what a trial that does not end waits for: the lab's machine has no other witness."""
import contextlib, os, sys, threading
from host import text

SECONDS = 300


@contextlib.contextmanager
def watched(name):
    timer = threading.Timer(SECONDS, report, [name])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def report(name):
    """Each process with its state, and the function of the kernel in which each of its threads waits (proc(5))."""
    print(f"{SECONDS} s in the trial '{name}':", file=sys.stderr)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        command = (text(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip()
        if not command:  # a thread of the kernel
            continue
        for thread in os.listdir(f"/proc/{pid}/task"):
            stat = text(f"/proc/{pid}/task/{thread}/stat") or ""
            state = stat.rpartition(")")[2].split()[:1]
            print(pid, thread, *state, text(f"/proc/{pid}/task/{thread}/wchan"), command[:100], file=sys.stderr)
    sys.stderr.flush()
