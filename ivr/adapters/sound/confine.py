"""Run a program on an untrusted file: walls around it, limits on all it takes, and a wall clock.

The walls and limits are set by `jail.py`, started as a script in the child before the program: a `preexec_fn` is not
safe in a process with threads. Which walls there are depends on the kernel, best first:

1. `landlock` (Linux 5.13): the program can read its own libraries and the upload, and nothing else;
2. `bubblewrap`, where the kernel has no Landlock and `bwrap` is on the machine: the same by namespaces;
3. `limits` alone, which `ivr doctor` tells: the lists of formats and codecs are then what keeps it to the upload.

With 1 and 3 a filter of system calls leaves it no socket; with 2 it has a network of its own with nobody in it.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ivr.adapters.sound import jail
from ivr.errors import SetUpFailed

WALL_S = 8.0
STDERR_BYTES = 1 << 18
CHUNK_BYTES = 1 << 20
ENDING_S = 0.2
SILENT_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "MALLOC_ARENA_MAX": "2"}
_BUBBLEWRAP = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--dev", "/dev")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a confined program left. overrun: "" or the limit it hit, "time" or "output"."""

    code: int
    out: bytes
    err: str
    overrun: str


@dataclass(frozen=True, slots=True)
class Command:
    """A program to confine. reads: the files and folders it may read, its own libraries among them."""

    argv: Sequence[str]
    reads: Sequence[Path]
    env: Mapping[str, str]


@cache
def walls() -> str:
    """The best of `landlock`, `bubblewrap` and `limits` that this machine has."""
    if jail.landlock_abi():
        return "landlock"
    return "bubblewrap" if shutil.which("bwrap") else "limits"


def run(command: Command, output_bytes: int, wall_s: float = WALL_S) -> Ran:
    """The program has ended, or was killed with its children at the first limit it hit.

    It has no input, no environment but its own, reads nothing but what it was given, and can write to no file. Raises
    SetUpFailed, and starts nothing, when the walls that this machine has cannot be put up.
    """
    with subprocess.Popen(
        _jailed(command, walls()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=SILENT_ENVIRONMENT | dict(command.env),
        start_new_session=True,
    ) as process:
        try:
            out, err, overrun = _read(process, output_bytes, time.monotonic() + wall_s)
        finally:
            _end(process)
        code = process.returncode
    if code == jail.FAILED:
        raise SetUpFailed(err.strip())
    if -code == signal.SIGXCPU or (-code == signal.SIGKILL and not overrun and not out):
        overrun = overrun or "time"
    return Ran(code, out, err, overrun)


def _jailed(command: Command, kind: str) -> list[str]:
    paths, argv = [str(path) for path in command.reads], list(command.argv)
    if kind == "bubblewrap":
        binds = [part for path in paths for part in ("--ro-bind-try", path, path)]
        paths, argv = [], [shutil.which("bwrap") or "bwrap", *_BUBBLEWRAP, *binds, "--", *argv]
    return [sys.executable, "-I", "-S", jail.__file__, kind, str(len(paths)), *paths, *argv]


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process is gone. One whose pipes are both closed is about to end by itself; any other is killed."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_S)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(process: subprocess.Popen[bytes], output_bytes: int, deadline: float) -> tuple[bytes, str, str]:
    """Output, errors (their first part) and the limit that was hit, read until both ends are closed."""
    out, err, overrun = bytearray(), bytearray(), ""
    with selectors.DefaultSelector() as selector:
        for pipe, sink, most in ((process.stdout, out, output_bytes + 1), (process.stderr, err, STDERR_BYTES)):
            if pipe is not None:
                with suppress(OSError):  # a small pipe is only slower
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)
                selector.register(pipe, selectors.EVENT_READ, (sink, most))
        while selector.get_map() and not overrun:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            for key, _ in ready:
                if not _take(key):
                    selector.unregister(key.fileobj)
            if not ready or time.monotonic() > deadline:
                overrun = "time"
            elif len(out) > output_bytes:
                overrun = "output"
    return bytes(out), err.decode("utf-8", "replace"), overrun


def _take(key: selectors.SelectorKey) -> bool:
    """What is there was read, and kept as far as there is room; False at its end."""
    data = os.read(key.fd, CHUNK_BYTES)
    sink, most = key.data
    room = most - len(sink)
    sink.extend(data if len(data) <= room else data[: max(0, room)])
    return bool(data)
