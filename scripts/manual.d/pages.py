#!/usr/bin/env python3
"""usage: pages.py TOOL FOLDER PARTS

Finishes the man pages that swift-argument-parser generated in FOLDER: names that man(1) finds (vfiogate-lint), the meaning of
the subcommands, default values, exit codes, and the sections of PARTS/PAGE, which are written by hand.
"""
import json
import pathlib
import re
import subprocess
import sys

USAGE = (64, "Wrong usage.")
LINT = [
    (0, "No finding at or above --fail-on."), (1, "Findings at or above it."),
    (2, "A verdict is undetermined, or something could not be read."), USAGE,
]
# The exit codes of each page. One without them is an error.
EXIT_STATUS = {
    "vfiogate": [(0, "Done."), (1, "Findings."), (2, "A verdict is undetermined, or something could not be read."), USAGE],
    "vfiogate-lint": LINT,
    "vfiogate-run": [
        (1, "Findings at or above --fail-on: QEMU was not started."),
        (2, "A verdict is undetermined with --on-unknown refuse, or the host or QEMU could not be read or started."), USAGE,
        ("other", "QEMU was started: the exit code is its own."),
    ],
    "vfiogate-ready": [
        (0, "Every named device is ready, or without addresses the host is."), (1, "One is not, or the host is not."),
        (2, "A fact is missing, or the host has no such device."), USAGE,
    ],
    "vfiogate-plan": [
        (0, "A definition was printed."), (1, "A device is not ready."), (2, "A fact is missing, or the host has no such device."), USAGE,
    ],
    "vfiogate-probe": [
        (0, "Printed or recorded, with what could not be read as unknown."),
        (1, "The image of --config is malformed, or with --definitions a guest that was safe is unsafe now."),
        (2, "A device or file could not be read or written, --bind got no answer, or a guest that was safe is undetermined now."),
        USAGE,
    ],
    "vfiogate-topology": [(0, "Printed."), (2, "The host or a path is not known."), USAGE],
    "vfiogate-explain": [(0, "Printed."), (64, "There is no such rule, or wrong usage.")],
    "vfiogate-predict": [(0, "The answer was printed."), USAGE],
    "vfiogate-proxy": [
        (0, "The proxy was asked to stop, or QEMU closed the connection between messages."),
        (2, "It could not start, or QEMU closed the connection in the middle of a message or sent an invalid one."), USAGE,
    ],
    "vfiogate-hook": [(0, "The guest may start."), (1, "Findings."), (2, "Something could not be read."), USAGE],
    "vfiogate-hook-libvirt": [
        (0, "libvirt continues."), (1, "The start is refused because of findings."),
        (2, "It is refused because of an undetermined verdict with --on-unknown refuse, or because something could not be read."), USAGE,
    ],
    "vfiogate-hook-kubevirt": [
        (0, "The domain was printed unchanged."), (1, "It is refused because of findings."),
        (2, "It is refused because of an undetermined verdict with --on-unknown refuse, or because something could not be read."), USAGE,
    ],
    "vfiogate-hook-install": [(0, "Installed."), (2, "The script could not be written."), USAGE],
}


def exit_status(page):
    """The section EXIT STATUS of a page."""
    rows = "".join(f".It {code}\n{meaning}\n" for code, meaning in EXIT_STATUS[page])
    return f'.Sh "EXIT STATUS"\n.Bl -tag -width 5n\n{rows}.El\n'


def defaults(command, path, found):
    """Default values by page and option."""
    path = path + [command["commandName"]]
    page = "-".join(path)
    for argument in command.get("arguments", []):
        if argument.get("defaultValue") and argument["kind"] == "option":
            found[page, argument["preferredName"]["name"]] = argument["defaultValue"]
    for child in command.get("subcommands", []):
        defaults(child, path, found)
    return found


def main(tool, folder, parts):
    help_text = subprocess.run([tool, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    values = defaults(json.loads(help_text)["command"], [], {})
    pages, meanings = {}, {}
    for path in sorted(pathlib.Path(folder).glob("*.1")):
        text = path.read_text()
        path.unlink()
        if path.name == "vfiogate.help.1":
            continue
        name = path.name[:-2].replace(".", "-")
        pages[name] = text
        meanings[name] = re.search(r'^\.Nd "(.*)"$', text, re.M).group(1)
    for name, text in pages.items():
        spoken = name.replace("-", " ")
        text = text.replace(".Dt " + spoken.replace(" ", ".").upper() + " 1", f".Dt {name.upper()} 1")
        # The name that man finds in NAME, and the command that users type in SYNOPSIS.
        text = text.replace(f'.Nm "{spoken}"\n.Nd', f".Nm {name}\n.Nd")
        text = text.replace('.Sh SYNOPSIS\n.Nm\n', f'.Sh SYNOPSIS\n.Nm "{spoken}"\n')
        text = re.sub(r"^\.Xr (vfiogate\S*) 1", lambda found: ".Xr " + found.group(1).replace(".", "-") + " 1", text, flags=re.M)
        text = re.sub(r"^\.Xr vfiogate-help 1.*\n", "", text, flags=re.M)
        # A paragraph; groff warns of an empty line.
        text = re.sub(r"\n\n(?=.)", "\n.Pp\n", text)
        for (page, option), value in values.items():
            if page == name:
                text = re.sub(
                    rf"^(\.It Fl -{option} Ar \S+\n)(.+\n)", lambda found: f"{found.group(1)}{found.group(2)}Default: {value}.\n", text, flags=re.M)
        own = pathlib.Path(parts, name + ".1")
        own = own.read_text() if own.exists() else ""
        before, mark, after = own.partition(".Sh EXAMPLES\n")
        children = [child for child in pages if child.startswith(name + "-") and child.count("-") == name.count("-") + 1]
        commands = ""
        if children:
            rows = "".join(f".It Xr {child} 1\n{meanings[child]}\n" for child in children)
            commands = f".Sh COMMANDS\n.Bl -tag -width 6n\n{rows}.El\n"
        start = text.index('.Sh "EXIT STATUS"\n')
        end = text.index(".Sh ", start + 1)
        text = text[:start] + commands + before + exit_status(name) + mark + after + text[end:]
        pathlib.Path(folder, name + ".1").write_text(text.rstrip("\n") + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(print(__doc__, file=sys.stderr) or 64)
    main(*sys.argv[1:])
