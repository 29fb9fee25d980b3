"""believed.py VFIOGATE RECORDING VERSION [FIXTURE] < rows: vfiogate's predictions against what QEMU did on the make-believe
host. Rows that agree are appended to FIXTURE, for Tests/PredictionTests/BelievedRealizesTests.swift.

Prints each disagreement as a row that make_believe.py takes again, and a table of counts; exits 1 on a false safe, a
false alarm or a crash that was not predicted."""
import collections, concurrent.futures, json, os, re, shlex, subprocess, sys, tempfile
from compare import NOISE, HINTS, plain
from make_believe import QUIET

# "Migration disabled" is what 7.2 says of every device.
EXTRA = ("Specify rombar", "Rom loading", "Proceeding anyway", "The following", "devices at ", "child buses at ", "device does not support requested feature")

# A property of a device of which vfiogate knows only what each PCI device has: its faults are counted apart.
OTHER = re.compile(r"^-device (?!vfio).*: Property '(?!vfio|pci|ioh|pxb|i82|xio|x31|cxl|intel-iommu|amd-iommu)[^']*' not found$")


def error(lines):
    """The first line that is an error, with the option that QEMU puts before the text."""
    for line in lines:
        if "warning: " in line or ": info: " in line or line.endswith(": Migration disabled") or any(n in line for n in NOISE) or line.startswith(HINTS + EXTRA):
            continue
        if "terminating on signal" in line or line.startswith(("rom: file", "Please use", "WARNING: Image format", "         ")):
            continue
        return normal(line)
    return ""


def normal(text):
    # Of an option in a configuration file QEMU names the line.
    return re.sub(r"^qemu-system-x86_64:\S+:\d+: ", "", plain(text))


def lint(vfiogate, recording, version, row):
    with tempfile.TemporaryDirectory() as folder:
        def write(name, data):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            return path
        argv = ["qemu-system-x86_64", *QUIET, *row["argv"]]
        if "config" in row:
            argv[argv.index("/tmp/config")] = write("config", row["config"].encode())
        guest = write("guest.nul", b"".join(a.encode() + b"\0" for a in argv))
        results = []
        runs = [["--input", "nul", guest]]
        plugs = row.get("plugs") or []
        if plugs:
            human = isinstance(plugs[0], str)
            data = "\n".join(p if human else json.dumps(command(p)) for p in plugs)
            runs.append(["--input", "hmp" if human else "qmp", "--guest", guest, write("plugs", data.encode())])
        for run in runs:
            done = subprocess.run([vfiogate, "lint", "--host", recording, "--qemu", version, "--format", "json", *run],
                                  capture_output=True, text=True)
            try:
                results.append(json.loads(done.stdout)["definitions"][0])
            except (ValueError, KeyError, IndexError):
                results.append({"broken": f"exit {done.returncode}: {done.stderr[:300]}"})
        return results


def command(plug):
    return plug if "execute" in plug or "event" in plug else {"execute": "device_add", "arguments": plug}


def is_of_vfio(plug):
    """Whether lint has a device of it; it has one too of a name that is meant for vfio."""
    return plug.replace('"', "").startswith("device_add vfio") if isinstance(plug, str) else "vfio" in str(plug.get("driver"))


def quoted(finding):
    """QEMU's text that a finding about another part of the machine quotes."""
    match = re.search(r"`(.*)`$", finding["message"].partition(": ")[2]) if ": " in finding["message"] else None
    return normal(match[1]) if match else None


def compare(happened, device, definition, others):
    """One of agrees, open, left (to QEMU), other (device), text, false-safe, false-alarm, crash; and why."""
    kind, text = happened
    errors = [f for f in definition["findings"] if f["severity"] == "error"]
    if device and device["not-known"] and device["realize"] in ("undetermined",):
        return "open", str(device["not-known"])
    predicted = (device["realize"], normal(device.get("error") or "")) if device else ("ok", "")
    other = [quoted(f) for f in others]
    if kind == "ok":
        if predicted[0] != "ok" or others:
            return "false-alarm", f"vfiogate {predicted} {other}"
        return "agrees", ""
    # A start without a host device has no findings about its other parts.
    if not device:
        return "left", ""
    if kind == "crash":
        if predicted[0] == "crashes" or any("crashes" in f["message"] for f in errors):
            return "agrees", ""
        return "crash", f"vfiogate {predicted} {other}"
    if predicted[0] == "ok" and not others and OTHER.search(text):
        return "other", text
    if predicted[0] == "ok" and not others:
        if definition["verdict"] == "undetermined":
            return "open", str(definition["undetermined"])[:300]
        if definition["verdict"] == "unsafe":
            return "text", f"QEMU {text!r}, vfiogate {[f['rule'] for f in errors]}"
        return "false-safe", f"QEMU {text!r}"
    said = ([predicted[1]] if predicted[0] != "ok" else []) + other + definition.get("said", [])
    # Rules with words of their own.
    own = {"dup-id": "Duplicate ID", "vtd-aw-bits": "aw-bits"}
    if any(own.get(f["rule"]) and own[f["rule"]] in text for f in errors):
        return "agrees", ""
    if text.startswith("Try ") and ("expects an identifier" in str(said) or any(f["rule"] == "malformed-input" for f in errors)):
        return "agrees", ""
    if device["not-known"] and not any(s and text.endswith(s) for s in said):
        return "open", str(device["not-known"])
    if any(s and text.endswith(s) for s in said):
        return "agrees", ""
    return "other" if OTHER.search(text) else "text", f"QEMU {text!r}, vfiogate {said}"


def answered(reply):
    """What QEMU did with a plug."""
    if reply is None:
        return "crash", None
    if "error" in reply:
        return "fails", normal(reply["error"]["desc"])
    # The human monitor mixes warnings and the error.
    lines = reply["return"].splitlines() if isinstance(reply["return"], str) else []
    text = [line.removeprefix("Error: ") for line in lines if line.startswith(("Error: ", "Try "))]
    return ("fails", normal(text[0])) if text else ("ok", None)


def judge_others(row, definition):
    """Plugs of other devices: a refusal that lint names must be QEMU's. A fault that it does not name is left to QEMU."""
    # A crash ends the series; where it is, another plug's verdict says.
    if None in row["replies"]:
        return
    texts = [answered(r)[1] for p, r in zip(row["plugs"], row["replies"]) if not is_of_vfio(p)]
    for finding in definition["findings"]:
        if finding["rule"] == "launch-fails" and (text := quoted(finding)) and text not in texts:
            yield "false-alarm", f"vfiogate {text!r}, QEMU {texts}"


def judge(vfiogate, recording, version, row):
    cold, *hot = lint(vfiogate, recording, version, row)
    for definition in [cold, *hot]:
        if "broken" in definition:
            return [("broken", definition["broken"])]
    verdicts = []
    started = row.get("started", row["rc"] == 0)
    rc = 0 if started else row["rc"]
    happened = ("ok", None) if rc == 0 else ("fails", error(row["stderr"])) if rc == 1 else ("crash", None)
    failing = [d for d in cold["devices"] if d["realize"] in ("fails", "crashes")]
    unknown = [d for d in cold["devices"] if d["realize"] == "undetermined"]
    others = [f for f in cold["findings"] if f["rule"] in ("launch-fails", "crashes-qemu", "dup-id", "malformed-input", "crashing-global", "set-on-json-device")
              and f["severity"] == "error"]
    shown = failing or unknown or cold["devices"][-1:]
    cold["said"] = [normal(d.get("error") or "") for d in failing]
    verdicts.append(compare(happened, shown[0] if shown else None, cold, others))
    if not started or not hot:
        return verdicts
    devices = [d for d in hot[0]["devices"] if d["plug"] == "hot"]
    pairs = list(zip(row["plugs"], row["replies"]))
    # A command that plugs nothing and ends QEMU, as a reset may, ends the series.
    end = next((n for n, (p, r) in enumerate(pairs) if r is None and not is_of_vfio(p) and "device_del" in str(p)), None)
    replies = [r for p, r in pairs[:end] if is_of_vfio(p)]
    verdicts += judge_others(row, hot[0])
    died = False
    for device, reply in zip(devices, replies):
        if died:
            break
        happened = answered(reply)
        died = happened[0] == "crash"
        alone = dict(hot[0], findings=[f for f in hot[0]["findings"] if f["severity"] == "error"])
        verdicts.append(compare(happened, device, alone, []))
    return verdicts


def recorded(row):
    """The row as a fixture: texts without the option that QEMU puts before them."""
    result = {"argv": row["argv"]} | ({"config": row["config"]} if "config" in row else {})
    if not row.get("plugs"):
        text = next((line for line in row["stderr"] if error([line])), "")
        text = re.sub(r"^qemu-system-x86_64:/tmp/config:\d+: ", "", text)
        for flag, value in zip(row["argv"], row["argv"][1:]):
            text = text.removeprefix(f"{flag} {value}: ")
        return result | {"rc": row["rc"]} | ({"error": text} if row["rc"] == 1 else {})
    replies = []
    for reply in row["replies"]:
        if reply is None or "error" in reply:
            replies.append(reply and reply["error"]["desc"])
        else:
            lines = reply["return"].splitlines() if isinstance(reply["return"], str) else []
            texts = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
            replies.append(texts[0] if texts else {})
    return result | {"plugs": row["plugs"], "started": True, "replies": replies}


def main(vfiogate, recording, version, fixture=None):
    rows = [json.loads(line) for line in sys.stdin]
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for row, verdicts in zip(rows, pool.map(lambda r: judge(vfiogate, recording, version, r), rows)):
            plugs = row.get("plugs") or []
            added = [p for p in plugs if isinstance(p, str) or "driver" in p]
            isPlain = all(p in added or "event" in p or p["execute"] == "device_del" for p in plugs)
            if fixture and isPlain and all(v == "agrees" for v, _ in verdicts) and row.get("started", True) and all(
                    is_of_vfio(p) for p in added) and "Try " not in str(row.get("replies")):
                with open(fixture, "a") as file:
                    file.write(json.dumps(recorded(row)) + "\n")
            for verdict, why in verdicts:
                counts[verdict] += 1
                if verdict not in ("agrees",):
                    plugs = f" -- {json.dumps(row['plugs'])}" if row.get("plugs") else ""
                    print(f"{verdict}: {row.get('name', '')} {shlex.join(row['argv'])}{plugs}\n    {why}")
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return 1 if counts["false-safe"] or counts["false-alarm"] or counts["crash"] or counts["broken"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
