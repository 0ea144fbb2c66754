"""The stops of the call-back line that wait for the database: a line of a file each, `epoch-seconds line number`.

The dialplan writes them when no script is there, the script when the database is not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ivr.settings import Settings

_LINE = re.compile(r"([0-9]{1,12}) (\+?[0-9]{0,20}) (\+?[0-9]{1,20})")


def file(settings: Settings) -> Path:
    """Where they are appended."""
    return settings.var_dir / "asterisk" / "log" / "callback-stops.txt"


def put(settings: Settings, at_s: int, line: str, number: str) -> None:
    """The stop is in the file, and the file on the disk."""
    handle = os.open(file(settings), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, f"{at_s} {line} {number}\n".encode("ascii"))
        os.fsync(handle)
    finally:
        os.close(handle)


def waiting(settings: Settings) -> Iterator[tuple[int, str]]:
    """Each stop that waits: instant (Unix milliseconds) and number as the network wrote it.

    They are gone when all were taken: whoever dies in between finds them again. What comes in meanwhile waits anew.
    """
    taken = file(settings).with_suffix(".taken")
    if not taken.exists():
        try:
            file(settings).rename(taken)
        except FileNotFoundError:
            return
    text = taken.read_text(encoding="ascii", errors="replace")
    for found in filter(None, map(_LINE.fullmatch, text.splitlines())):
        yield int(found[1]) * 1000, found[3]
    taken.unlink()
