"""The files of runs and scripts, read back."""

import json


class ReportError(Exception):
    """Something that cannot be read, in one line."""


def read_text(path):
    """The content of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: no text") from error


def read_json(path):
    """The object in a file."""
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise ReportError(f"{path}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ReportError(f"{path}: expected a JSON object")
    return value


def read_lines(path):
    """The objects of a file that has one in each line."""
    objects = []
    for place, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            value = json.loads(line) if line.strip() else {}
        except ValueError as error:
            raise ReportError(f"{path}, line {place}: no JSON: {error}") from error
        if not isinstance(value, dict):
            raise ReportError(f"{path}, line {place}: expected a JSON object")
        if value:
            objects.append(value)
    return objects
