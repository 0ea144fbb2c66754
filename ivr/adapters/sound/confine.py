"""Run a program on an untrusted file: limits on processor time, memory, files and output, and a wall clock.

The limits are set by this same file, started as a script in the child before the program: a `preexec_fn` is not
safe in a process with threads, and `prlimit` is not on every machine.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

CPU_S = 20
WALL_S = 30.0
MEMORY_BYTES = 2 << 30  # address space: ffmpeg through its own loader maps some 400 MB of libraries
STDERR_BYTES = 8192
CHUNK_BYTES = 1 << 18
ENDING_S = 0.2


@dataclass(frozen=True, slots=True)
class Ran:
    """What a confined program left. overrun: "" or the limit it hit, "time" or "output"."""

    code: int
    out: bytes
    err: str
    overrun: str


def run(argv: Sequence[str], output_bytes: int, env: Mapping[str, str], wall_s: float = WALL_S) -> Ran:
    """`argv` has ended, or was killed with its children at the first limit it hit.

    It has no input, no environment but `env`, and can write to no file.
    """
    launcher = [sys.executable, "-I", "-S", __file__, *argv]
    environment = {"PATH": os.defpath, "LC_ALL": "C", **env}
    with subprocess.Popen(
        launcher,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            out, err, overrun = _read(process, output_bytes, time.monotonic() + wall_s)
        finally:
            _end(process)
        code = process.returncode
    if -code == signal.SIGXCPU or (-code == signal.SIGKILL and not overrun and not out):
        overrun = overrun or "time"
    return Ran(code, out, err, overrun)


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
    sink.extend(data[: max(0, most - len(sink))])
    return bool(data)


def _limit_self_and_become(argv: list[str]) -> None:
    limits = (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    )
    for limit, value in limits:
        hard = resource.getrlimit(limit)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))
    os.execvp(argv[0], argv)  # noqa: S606 - there is no shell, and the list is ours


if __name__ == "__main__":
    _limit_self_and_become(sys.argv[1:])
