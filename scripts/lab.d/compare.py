"""compare.py DIR VARIANT...: vfiogate's predictions against what QEMU and the kernel did; exits 1 on a disagreement."""
import collections, json, os, re, sys

# Without KVM every trial prints these; a machine with it does not. They are nothing that vfiogate predicts.
NOISE = ("VFIO dma-buf not supported in kernel", "KVM VFIO device isn't created yet")
HINTS = ("Please ensure", "Verify all", "Use -device", "Identifiers consist")
ATS_WARNING = re.compile(r"warning: (vfio-pci: (?:ats=on requested|host kernel reports ATS).*)")
DIED = {-6: "SIGABRT", -11: "SIGSEGV"}


def plain(text):
    """Numbers of descriptors and pointers, which cannot be predicted, made equal."""
    text = re.sub(r"fd=\w+ to iommufd=\w+:", "fd=# to iommufd=#:", text)
    text = re.sub(r"dma_map\(.*?\) = ", "dma_map(#) = ", text)
    text = re.sub(r"\[iommufd=\w+\] error attach (\S+) \(\w+\)( pasid 0)? to id=\w+", r"[iommufd=#] error attach \1 (#)\2 to id=#", text)
    # A region has its number among those of its device so far, a guest's device the bus number of the moment.
    text = re.sub(r"(smmuv3-iommu-memory-region-\d+-)\d+: device [0-9a-f]{2}", r"\1#: device #", text)
    return re.sub(r"0x[0-9a-f]{10,}|0xPTR", "0x#", text)


def error(lines):
    """The first line that is an error, without QEMU's name and the option that it names."""
    for line in lines:
        text = re.sub("^qemu-system-(x86_64|aarch64): ", "", line)
        if "warning: " in line or any(n in line for n in NOISE) or text.startswith(HINTS):
            continue
        return plain(re.sub(r"^-\w+ (\{.*?\}|[^ ]*): ", "", text))
    return None


def outcome(plug, way):
    """What QEMU did, in the words of a prediction."""
    lines, reply = plug["stderr"], plug.get("reply")
    if way == "cold":
        rc = plug["rc"]
        realize = "ok" if rc == 0 else "fails" if rc == 1 else "crashes"
        text = error(lines) if rc == 1 else None
    else:
        rc = plug.get("rc")
        realize = "crashes" if reply is None else "ok" if "return" in reply else "fails"
        text = plain(reply["error"]["desc"]) if realize == "fails" else None
    happened = {"realize": realize, "error": text, "signal": DIED.get(rc) if realize == "crashes" else None}
    if realize != "crashes":
        happened["warnings"] = [m[1] for line in lines for m in [ATS_WARNING.search(line)] if m]
    if realize == "ok" and "ats-visible" in plug:
        happened["guest-sees-ats"] = plug["ats-visible"]
    return happened


def predicted(plug, way):
    """The device that QEMU fails at, otherwise the trial's own, which is the last."""
    devices = plug["prediction"].get("devices")
    if not devices:
        return None
    failed = [d for d in devices if d["realize"] in ("fails", "crashes") or d["not-known"]]
    device = failed[0] if failed else devices[-1]
    if device["not-known"]:  # what the guest sees is read of the trial's own
        device = device | {key: devices[-1][key] for key in ("warnings", "guest-sees-ats")}
    died = device["realize"] == "crashes"
    return {**device, "error": None if died else plain(device["error"]) if "error" in device else None,
            "signal": device.get("signal")}


def judge(row, way):
    """`agrees`, `open` or `disagrees`, and why: of the live host, and where only binding decides, of the host with bound devices."""
    plug = row[way]
    bound = plug["prediction"].get("bound")
    verdict, why = judge_prediction(plug, way, row["beyond"] or bound)
    if bound is None or verdict == "disagrees":
        return verdict, why
    return judge_prediction({**plug, "prediction": bound}, way, row["beyond"])


def judge_prediction(plug, way, may_be_open):
    happened, prediction = outcome(plug, way), predicted(plug, way)
    if prediction is None:
        return "disagrees", f"vfiogate said nothing: {plug['prediction']}"
    # Findings about other parts of the machine quote QEMU.
    if happened["error"] and any(happened["error"] in plain(text) for text in plug["prediction"].get("quoted", [])):
        return "agrees", ""
    is_open = prediction["not-known"] or "undetermined" in (prediction["warnings"], prediction["guest-sees-ats"])
    if prediction["not-known"]:
        # The prediction is where it fails at the latest, or what it sees of ats if it does not.
        compared = [] if prediction["realize"] != "undetermined" else ["warnings", "guest-sees-ats"]
        wrong = happened["realize"] == "ok" and prediction["realize"] in ("fails", "crashes")
        if happened["realize"] != "ok":
            compared = []
    else:
        compared, wrong = ["realize", "error", "signal", "warnings", "guest-sees-ats"], False
    differences = [f"{key}: vfiogate {prediction[key]!r}, QEMU {happened[key]!r}" for key in compared
                   if key in happened and prediction[key] not in ("undetermined", happened[key])]
    if wrong:
        differences.append("vfiogate says that it fails at the latest at " + repr(prediction["error"]))
    if is_open and not may_be_open:
        differences.append(f"vfiogate does not know: {prediction['not-known'] or 'what ats comes to'}")
    return ("disagrees" if differences else "open" if is_open else "agrees"), "; ".join(differences)


def load(directory, name):
    with open(f"{directory}/{name}") as f:
        return json.load(f)


def reading(device):
    """The kernel's own word in the words of `vfiogate probe`."""
    return {"driver": device["driver"] or None, "iommu-group": int(device["group"]) if device["group"] else None,
            "iommu-group-members": sorted(device["group-devices"]),
            "vfio-cdev": {"path": device["cdev"], "access": "accessible"} if device["cdev"] else None,
            "has-ats": device["has-ats-cap"]}


def flag(device):
    """The kernel's ATS flag as `probe` must show it; None where there is no word of the kernel to hold it against."""
    info = device["hw-info"] or {}
    if "error" in info:
        return None
    return not info["ats-not-supported"] if info else None


def is_reported(refusal, device, complaints):
    """Whether `probe --bind` complains of the kernel's refusal; what it derives then is as good as without binding."""
    return any(f" {device['host']}: " in line and line.endswith(refusal) for line in complaints)


def judge_device(seen, device, bound, complaints):
    has_ats = any(c["id"] == "0x000f" for c in seen["config"]["extended-capabilities"]["capabilities"])
    wrong = [f"{key}: probe {value!r}, kernel {expected!r}" for key, expected in reading(device).items()
             for value in [has_ats if key == "has-ats" else seen.get(key)] if value != expected]
    reported, expected = seen["kernel-ats"], flag(device)
    is_open = isinstance(reported, dict)
    refusal = (device["hw-info"] or {}).get("error")
    if bound and refusal and not is_reported(refusal, device, complaints):
        wrong.append(f"the kernel refused to be asked ({refusal}), and probe does not say so")
    if expected is not None and reported != expected and (bound or not is_open):
        wrong.append(f"flag: probe {reported!r}, kernel {expected!r}")
    return "disagrees" if wrong else "open" if is_open and not bound else "agrees", "; ".join(wrong)


def judge_probe(directory):
    """Each device as `probe` shows it, with and without binding, against the kernel."""
    results, devices = [], {d["host"]: d for d in load(directory, "devices.json")}
    for option, name in (("", "probe.json"), (" --bind", "bound.json"), (" --record", "recording.json")):
        if not os.path.exists(f"{directory}/{name}"):
            continue
        probe = load(directory, name)
        # 2: the kernel refused to be asked; the devices say so.
        if probe["exit"] not in (0, 2):
            results.append(("disagrees", f"probe{option}: exit {probe['exit']}, {probe['stderr']}"))
        elif option != " --record":
            for seen in json.loads(probe["stdout"])["devices"]:
                verdict, why = judge_device(seen, devices[seen["address"]], bool(option), probe["stderr"].splitlines())
                results.append((verdict, f"probe{option} {seen['address']}: {why}"))
    return results


def judge_variant(directory):
    results = {"probe": judge_probe(directory)}
    for line in open(f"{directory}/trials.jsonl"):
        row = json.loads(line)
        section = results.setdefault(title(row), [])
        if "lab-error" in row:
            section.append(("disagrees", f"{row['name']}: the lab failed: {row['lab-error']}"))
            continue
        for way in ("cold", "hot"):
            if way in row:
                verdict, why = judge(row, way)
                section.append((verdict, f"{row['name']}, {way}: {why}"))
    return results


def title(row):
    return f"{row['host']} {row['backend']}" if row["section"] in ("matrix", "few") else row["section"]


def cell(results):
    counts = collections.Counter(verdict for verdict, _ in results)
    shown = {"agrees": "ok", "open": "open", "disagrees": "WRONG"}
    return ", ".join(f"{counts[v]} {word}" for v, word in shown.items() if counts[v]) or "-"


def main(directory, variants):
    results = {v: judge_variant(f"{directory}/{v}") for v in variants}
    titles = list(dict.fromkeys(t for r in results.values() for t in r))
    table = [["trials"] + variants] + [[t] + [cell(results[v].get(t, [])) for v in variants] for t in titles]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())
    every = [(verdict, f"{v}: {why}") for v in variants for r in results[v].values() for verdict, why in r]
    for verdict, why in every:
        if verdict == "disagrees":
            print("DISAGREES", why)
    counts = collections.Counter(verdict for verdict, _ in every)
    print(f"{len(every)} predictions: {counts['agrees']} agree, {counts['open']} open where facts do not reach,"
          f" {counts['disagrees']} disagree")
    # An empty comparison is not an agreement.
    return 1 if counts["disagrees"] or not counts["agrees"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
