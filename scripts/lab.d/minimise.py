"""minimise.py VFIOGATE RECORDING VERSION FOLDER: makes disagreements small, a round a call.

The first call reads FOLDER/rows and keeps the rows that disagree with vfiogate. Each call writes FOLDER/trials: of each
such row the trials that have one option, plug or property less. The caller runs them (rows again in FOLDER/rows), and
calls again. The smallest that still disagrees in the same way is kept. Exits 0 when there are trials to run, and 3 when
there are none: the rows are printed then, to be run or committed."""
import json, os, sys
from believed import judge

ALONE = {"-nodefaults", "-only-migratable", "-usb"}


def options(argv):
    """Each option with its argument."""
    parts = []
    for word in argv:
        if parts and len(parts[-1]) == 1 and parts[-1][0] not in ALONE:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts


def without_property(text):
    """A device, object or device_add with one property less; its type and its id stay."""
    if text.startswith("{"):
        device = json.loads(text)
        for name in device:
            if name not in ("driver", "id"):
                yield json.dumps({n: v for n, v in device.items() if n != name})
        return
    first, *rest = text.split(",")
    for number, part in enumerate(rest):
        if not part.startswith("id="):
            yield ",".join([first, *rest[:number], *rest[number + 1:]])


def smaller(trial):
    parts, plugs = options(trial["argv"]), trial.get("plugs") or []

    def made(parts, plugs):
        argv = [word for part in parts for word in part]
        return {"argv": argv} | ({"plugs": plugs} if plugs else {})

    for number in range(len(plugs)):
        yield made(parts, plugs[:number] + plugs[number + 1:])
    for number, part in enumerate(parts):
        yield made(parts[:number] + parts[number + 1:], plugs)
    for number, part in enumerate(parts):
        if len(part) == 2:
            for text in without_property(part[1]):
                yield made([*parts[:number], [part[0], text], *parts[number + 1:]], plugs)
    for number, plug in enumerate(plugs):
        for text in without_property(plug if isinstance(plug, str) else json.dumps(plug)):
            yield made(parts, [*plugs[:number], text if isinstance(plug, str) else json.loads(text), *plugs[number + 1:]])


def disagreement(vfiogate, recording, version, row):
    """The first verdict that is a disagreement; None when there is none."""
    return next((kind for kind, _ in judge(vfiogate, recording, version, row) if kind not in ("agrees", "open", "left", "other")), None)


def main(vfiogate, recording, version, folder):
    rows = [json.loads(line) for line in open(f"{folder}/rows")]
    state = f"{folder}/smallest"
    if os.path.exists(state):
        kept = json.load(open(state))
        for one in kept:
            one["open"] = False
        for row in rows:
            one = kept[row.pop("of")]
            if not one["open"] and disagreement(vfiogate, recording, version, row) == one["kind"]:
                one.update(row=row, open=True)
    else:
        kinds = [(row, disagreement(vfiogate, recording, version, row)) for row in rows]
        kept = [{"row": row, "kind": kind, "open": True} for row, kind in kinds if kind]
    json.dump(kept, open(state, "w"))
    trials = [dict(trial, of=number) for number, one in enumerate(kept) if one["open"] for trial in smaller(one["row"])]
    with open(f"{folder}/trials", "w") as file:
        file.writelines(json.dumps(trial) + "\n" for trial in trials)
    if trials:
        return 0
    for one in kept:
        print(f"{one['kind']}: {json.dumps(one['row'])}")
    return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
