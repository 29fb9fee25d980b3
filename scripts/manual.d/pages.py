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

EXIT_STATUS = """.Sh "EXIT STATUS"
.Bl -tag -width 3n
.It 0
Nothing at or above the threshold.
.It 1
Findings at or above it.
.It 2
A verdict is undetermined, or something could not be read.
.It 64
Wrong usage.
.El
"""


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
        text = text[:start] + commands + before + EXIT_STATUS + mark + after + text[end:]
        pathlib.Path(folder, name + ".1").write_text(text.rstrip("\n") + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(print(__doc__, file=sys.stderr) or 64)
    main(*sys.argv[1:])
