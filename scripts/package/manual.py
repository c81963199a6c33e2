#!/usr/bin/env python3
"""Writes the man pages of programs made with Swift's ArgumentParser, one for each command, from their own help.

Usage: scripts/package/manual.py PROGRAM... --output DIR
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

# What roff would read as something else, or print as another character: hyphens and quotes are copied from pages.
SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}


def escaped(text):
    """The text as roff prints it, as one line."""
    joined = " ".join(text.split())
    return "".join(SPECIAL.get(c) or (c if c.isascii() else rf"\[u{ord(c):04X}]") for c in joined)


def line(text):
    """A line of text that is no request of roff, whatever it begins with."""
    text = escaped(text)
    return r"\&" + text if text.startswith(".") else text


def bold(text):
    return rf"\fB{escaped(text)}\fR"


def value(argument):
    """The value of an option or an argument as a synopsis names it."""
    return rf"\fI{escaped(argument['valueName'])}\fR" + ("..." if argument["isRepeating"] else "")


def name(command):
    """All words of a command: edge-trainer clouds remove."""
    return [*command.get("superCommands", []), command["commandName"]]


def page(command):
    return "-".join(name(command))


def shown(command, key):
    """The arguments or subcommands that help shows; the parser's own `help` needs no page."""
    return [item for item in command.get(key, []) if item["shouldDisplay"] and item.get("commandName") != "help"]


def synopsis(command):
    arguments = shown(command, "arguments")
    words = [bold(" ".join(name(command)))]
    if any(argument["kind"] != "positional" for argument in arguments):
        words.append(r"[\fIoption\fR...]")
    for argument in arguments:
        if argument["kind"] == "positional":
            words.append(f"[{value(argument)}]" if argument["isOptional"] else value(argument))
    lines = [" ".join(words)]
    if shown(command, "subcommands"):
        subcommand = " ".join([bold(" ".join(name(command))), r"\fIsubcommand\fR", r"[\fIoption\fR...]"])
        lines = [*lines, ".br", subcommand] if arguments else [subcommand]
    return lines


def discussion(text):
    """Paragraphs as they are. What is indented below a heading in capitals is a list: `word  explanation`, where deeper
    lines go on with the explanation."""
    lines = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        heading, _, rest = paragraph.partition("\n")
        if not re.fullmatch(r"[A-Z][A-Z ]*:", heading):
            lines += [".PP", line(paragraph)]
            continue
        lines.append(f".SH {heading[:-1]}")
        entry = re.compile(r" *(\S+) +(\S.*)")
        # The column at which explanations begin is that of the first one.
        column = entry.match(rest).start(2)
        for row in rest.split("\n"):
            if row[:column].strip():
                term, explanation = entry.match(row).groups()
                lines += [".TP", bold(term), line(explanation)]
            else:
                lines.append(line(row))
    return lines


def explained(argument):
    """An option or an argument with what help says about it."""
    if argument["kind"] == "positional":
        term = value(argument)
    else:
        names = [("--" if name["kind"] == "long" else "-") + name["name"] for name in argument["names"]]
        term = ", ".join(map(bold, names)) + (f" {value(argument)}" if argument["kind"] == "option" else "")
    text = argument.get("abstract", "")
    facts = []
    if "allValues" in argument:
        facts.append("values: " + ", ".join(argument["allValues"]))
    if "defaultValue" in argument:
        facts.append("default: " + argument["defaultValue"])
    if facts:
        text += f" ({'; '.join(facts)})"
    return [".TP", term, line(text)]


def options(command):
    arguments = shown(command, "arguments")
    titles = dict.fromkeys(argument.get("sectionTitle", "") for argument in arguments)
    lines = [".SH OPTIONS"] if arguments else []
    # Those without a title are not to look as if they belonged to the one before.
    for title in sorted(titles, key=bool):
        lines += [f".SS {escaped(title)}"] if title else []
        for argument in arguments:
            if argument.get("sectionTitle", "") == title:
                lines += explained(argument)
    return lines


def manual(command, version):
    """The page of a command, without those of its subcommands."""
    title, subcommands = page(command), shown(command, "subcommands")
    lines = [
        f'.TH "{escaped(title.upper())}" 1 "" "{escaped(name(command)[0])} {escaped(version)}" "User Commands"',
        ".nh",
        ".ad l",
        ".SH NAME",
        rf"{escaped(title)} \- {escaped(command['abstract'])}",
        ".SH SYNOPSIS",
        *synopsis(command),
    ]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", *discussion(command["discussion"])]
    lines += options(command)
    if subcommands:
        lines.append(".SH SUBCOMMANDS")
        for subcommand in subcommands:
            lines += [".TP", bold(subcommand["commandName"]), line(subcommand["abstract"])]
    others = ["-".join(name(command)[:-1])] if len(name(command)) > 1 else []
    others += map(page, subcommands)
    if others:
        lines.append(".SH SEE ALSO")
        lines += [f".BR {escaped(other)} (1)" + ("," if other != others[-1] else "") for other in others]
    return "\n".join(lines) + "\n"


def write(command, version, directory):
    (directory / f"{page(command)}.1").write_text(manual(command, version), encoding="ascii")
    for subcommand in shown(command, "subcommands"):
        write(subcommand, version, directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("programs", metavar="PROGRAM", nargs="+")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    options = parser.parse_args()
    for program in options.programs:
        said = [
            subprocess.run([program, option], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
            for option in ("--experimental-dump-help", "--version")
        ]
        write(json.loads(said[0])["command"], said[1].split()[1], options.output)


if __name__ == "__main__":
    main()
