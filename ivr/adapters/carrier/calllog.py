"""What SIPp notes of each call, read while it is being written."""

from __future__ import annotations

from pathlib import Path

from ivr.rules.truth import CallEvent, Seen


class CallLog:
    """The carrier's log from its beginning; `read` gives what came since the last `read`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def read(self) -> list[CallEvent]:
        """The events noted since the last call, in order; none while the file does not exist."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                fresh = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(fresh)
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        return [event for line in lines if (event := parse(line.decode("utf-8", "replace")))]


def parse(line: str) -> CallEvent | None:
    """The event in `line` (what;seconds;microseconds;person;call id;detail), None if it is none."""
    parts = line.strip().split(";", 5)
    if len(parts) != 6 or parts[0] not in set(Seen):
        return None
    what, seconds, microseconds, person, call_id, detail = parts
    try:
        at_ms = int(float(seconds)) * 1000 + float(microseconds or 0) / 1000
        index = None if person in ("", "-") else int(person) - 1
    except ValueError:
        return None
    return CallEvent(Seen(what), at_ms, index, call_id, detail)
