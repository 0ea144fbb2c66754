"""A supervisor was killed, and what it kept goes on: the next `ivr up` takes over what carries calls, ends the rest.

Two of anything would undo each other: two controllers dial twice as fast, two Redis write to one file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ivr.adapters import orphans
from ivr.adapters.supervisor import Process, Supervisor
from ivr.errors import BadSetting
from ivr.settings import Settings, load

CARRY_CALLS = frozenset({"asterisk", "agi", "carrier", "redis"})
"""People on the line hear the message to its end. What is not of these starts anew at no cost."""
LAST = ("asterisk", "redis")
"""Ended after the others: these still speak with them."""


def take_over(boss: Supervisor, settings: Settings, progress: Callable[[str], None]) -> dict[str, int]:
    """The processes that go on, by name; every other one that a supervisor of this folder left has ended.

    None goes on without Asterisk, or without what it was started with.
    """
    left = boss.orphans()
    if not left:
        return {}
    kept: dict[str, int] = {}
    for pid, name in left.items():
        if _kind(name) in CARRY_CALLS and not orphans.kept_by(pid):
            kept.setdefault(name, pid)
    if "asterisk" not in map(_kind, kept) or resolved_before(settings) is None:
        kept = {}
    _end({pid: name for pid, name in left.items() if pid not in kept.values()})
    if kept:
        names = ", ".join(sorted(kept))
        progress(f"the supervisor had died: {names} go on, with the settings that they were started with")
    return kept


def end_left(boss: Supervisor, kind: str = "") -> None:
    """Nothing that a supervisor of this folder left runs any more, or nothing of that kind."""
    _end({pid: name for pid, name in boss.orphans().items() if not kind or _kind(name) == kind})


def resolved_before(settings: Settings) -> Settings | None:
    """The settings with which the processes that go on were started."""
    try:
        return load(settings.resolved_file)
    except BadSetting:
        return None


def kept_as(process: Process, kept: dict[str, int]) -> Process:
    """The process as the new supervisor is to start it: first it waits for the end of the one that goes on, if any."""
    pid = kept.get(process.name)
    return process if pid is None else replace(process, command=orphans.keeping(pid, process.command))


def _end(left: dict[int, str]) -> None:
    keepers = [pid for pid in left if orphans.kept_by(pid)]
    orphans.end(keepers, ask=False)  # asked to end, they would pass it on
    kinds = {_kind(name) for name in left.values()}
    for these in (kinds - set(LAST), *({kind} for kind in LAST)):
        orphans.end([pid for pid, name in left.items() if _kind(name) in these and pid not in keepers])


def _kind(name: str) -> str:
    return name.partition("-")[0]
