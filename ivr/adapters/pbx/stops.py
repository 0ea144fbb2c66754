"""The stops that the dialplan stored by itself, because no call script was there to do it.

They are in a file and in Asterisk's own database. The file is the truth: each line is with the system before the next
step of the dialplan, while the database is written once a second and loses the last second when Asterisk is killed.
"""

from __future__ import annotations

import re
from pathlib import Path

from ivr.settings import Settings

_LINE = re.compile(r"([A-Za-z0-9-]+) ([0-9]{1,12})")


def file(settings: Settings) -> Path:
    """Where the dialplan appends one line per stop: attempt id, epoch seconds."""
    return settings.var_dir / "asterisk" / "log" / "stops.txt"


def read(settings: Settings) -> dict[str, int]:
    """Every stop stored so far: attempt id to the epoch second of its first key 9. Asterisk need not be up."""
    try:
        text = file(settings).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return {}
    found: dict[str, int] = {}
    for match in filter(None, map(_LINE.fullmatch, text.splitlines())):
        found.setdefault(match.group(1), int(match.group(2)))
    return found
