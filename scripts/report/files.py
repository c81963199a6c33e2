"""The files of runs and scripts, read back."""

import json
import stat


class ReportError(Exception):
    """Something that cannot be read, in one line."""


def read_text(path):
    """The content of a file; a pipe would be waited for."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReportError(f"{path}: expected a regular file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: no text") from error


def read_json(path):
    """The object in a file."""
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ReportError(f"{path}: expected a JSON object")
    return value


def check_texts(path, content, required=(), optional=()):
    """Raises an error if what has to be text in the object of a file is not, or, if required, not there."""
    for key in (*required, *optional):
        value = content.get(key)
        if not isinstance(value, str) and (value is not None or key in required):
            raise ReportError(f"{path}: {key} is {json.dumps(value)[:40]}, expected text")


def read_lines(path):
    """The objects of a file that has one in each line."""
    objects = []
    for place, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            value = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as error:
            raise ReportError(f"{path}, line {place}: no JSON: {error}") from error
        if not isinstance(value, dict):
            raise ReportError(f"{path}, line {place}: expected a JSON object")
        if value:
            objects.append(value)
    return objects
