"""A report as parts, which become Markdown (with PNG files beside it) or one page of HTML that needs nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

HERE = Path(__file__).parent


@dataclass
class Heading:
    """Begins a section, the first one the report."""

    text: str
    level: int = 2

    def markdown(self):
        """For report.md."""
        return f"{'#' * self.level} {self.text}\n"

    def html(self):
        """For report.html."""
        return f"<h{self.level}>{escape(self.text)}</h{self.level}>"


@dataclass
class Text:
    """A paragraph; `words` in backquotes are code."""

    text: str

    def markdown(self):
        """For report.md."""
        return f"{self.text.strip()}\n"

    def html(self):
        """For report.html."""
        return f"<p>{in_line(self.text)}</p>"


@dataclass
class Points:
    """A list of sentences; **some words** may be strong."""

    lines: list

    def markdown(self):
        """For report.md."""
        return "".join(f"- {line}\n" for line in self.lines)

    def html(self):
        """For report.html."""
        return "<ul>" + "".join(f"<li>{in_line(line)}</li>" for line in self.lines) + "</ul>"


@dataclass
class Commands:
    """What made a thing: its name, if it needs one, and lines for the shell."""

    name: str
    text: str

    def markdown(self):
        """For report.md."""
        return (f"{self.name}:\n\n" if self.name else "") + f"```\n{self.text}\n```\n"

    def html(self):
        """For report.html."""
        name = f"<p>{escape(self.name)}:</p>" if self.name else ""
        return f"{name}<pre><code>{escape(self.text)}</code></pre>"


@dataclass
class Picture:
    """A plot."""

    file: str  # the PNG beside report.md
    what: str
    svg: str

    def markdown(self):
        """For report.md."""
        return f"![{self.what}]({self.file})\n"

    def html(self):
        """For report.html."""
        return f"<figure><figcaption>{escape(self.what)}</figcaption><div class=wide>{self.svg}</div></figure>"


def in_line(text):
    """HTML of a text with `code` and **strong** words."""
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", re.sub(r"`(.+?)`", r"<code>\1</code>", escape(text)))


def as_markdown(parts):
    """The parts of a report, or of a section."""
    return "\n".join(part.markdown() for part in parts)


def as_page(parts):
    """The page: styles and script inside, nothing loaded from anywhere."""
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    body = "\n".join(part.html() for part in parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Report</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )
