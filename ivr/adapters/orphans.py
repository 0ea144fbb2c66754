"""Processes that outlived their supervisor: found by what it told them, ended, or kept by the next one.

`python -m ivr.adapters.orphans PID COMMAND…` is what the next supervisor starts in place of COMMAND while process PID
still does its work: it waits for the end of PID, and then becomes COMMAND. SIGTERM is passed on to PID.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

SERVER, NAME = "SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME"
"""What supervisord puts into the environment of each process that it starts."""

END_S = 10.0
LOOK_S = 0.5
GIVE_UP_S = 8.0
"""How long a kept process may take to end: less than the supervisor gives the one that keeps it."""


def find(server_url: str) -> dict[int, str]:
    """The processes that a supervisor on that socket has started, with their names; without their children."""
    told = {pid: environment.get(NAME, "") for pid, environment in _all() if environment.get(SERVER) == server_url}
    return {pid: name for pid, name in told.items() if _parent(pid) not in told}


def kept_by(pid: int) -> int:
    """The process for which that one stands; 0 if it is an ordinary one."""
    words = _read(pid, "cmdline").split(b"\0")
    name = __name__.encode()
    return int(words[words.index(name) + 1]) if name in words else 0


def end(pids: Collection[int], *, ask: bool = True) -> None:
    """They have ended: asked to, and killed where that took longer than END_S."""
    if ask:
        _tell(pids, signal.SIGTERM, END_S)
    _tell(pids, signal.SIGKILL, END_S)


def _tell(pids: Collection[int], number: signal.Signals, limit_s: float) -> None:
    for pid in filter(alive, pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    limit = time.monotonic() + limit_s
    while any(map(alive, pids)) and time.monotonic() < limit:
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether there is such a process; one that has ended and is waited for by nobody is none."""
    _, _, state = _read(pid, "stat").rpartition(b") ")
    return state[:1] not in {b"", b"Z", b"X"}


def keeping(pid: int, command: Sequence[str]) -> list[str]:
    """The command line that stands for process `pid`, and becomes `command` when that ends."""
    return [sys.executable, "-m", __name__, str(pid), *command]


def wait_in_place_of(pid: int, environment: Mapping[str, str]) -> None:
    """The process has ended; we too if we were told to. environment: ours, as the supervisor made it."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    if any(_environment(pid).get(key) != environment.get(key) for key in (SERVER, NAME)):
        return  # it ended, and its number is another's now
    told = _told_to_end(process)
    while not select.select([process], [], [], LOOK_S)[0]:
        if told:
            _wait_or_kill(process)
    if told:
        sys.exit(0)


def _told_to_end(process: int) -> list[int]:
    """Holds something once SIGTERM has come; it was passed on to the process then."""
    told: list[int] = []

    def pass_on(number: int, _: object) -> None:
        told.append(number)
        _send(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, pass_on)
    return told


def _wait_or_kill(process: int) -> None:
    if not select.select([process], [], [], GIVE_UP_S)[0]:
        _send(process, signal.SIGKILL)


def _send(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, number)


def _all() -> list[tuple[int, dict[str, str]]]:
    return [(int(path.name), _environment(int(path.name))) for path in Path("/proc").glob("[0-9]*")]


def _environment(pid: int) -> dict[str, str]:
    parts = (os.fsdecode(part).partition("=") for part in _read(pid, "environ").split(b"\0"))
    return {name: value for name, _, value in parts}


def _parent(pid: int) -> int:
    _, _, rest = _read(pid, "stat").rpartition(b") ")
    return int(rest.split()[1]) if rest else 0


def _read(pid: int, what: str) -> bytes:
    """That file of the process; nothing of one that has ended or is another user's."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    wait_in_place_of(int(sys.argv[1]), os.environ)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - what the supervisor was to start
