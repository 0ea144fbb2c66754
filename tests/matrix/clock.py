"""A wall clock that can be stepped, for our own processes: the machine's is left alone, and nobody else notices.

libfaketime would do it, but its 0.9.10 breaks `time.sleep` of a Python that sleeps by the monotonic clock, and does not
start under a C library other than its own. `clock.c` is forty lines.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from ivr.usecases import health
from tests.matrix.installation import Installation

SOURCE = Path(__file__).with_name("clock.c")
STEPPED = ("redis", "agi", "controller", "originate-0", "record-0")
"""Asterisk is not: it waits for moments of the wall clock, which the kernel would have to step along with it."""


class Clock:
    """The wall clock of the processes in STEPPED, which are started anew with it."""

    def __init__(self, up: Installation, folder: Path) -> None:
        self._file = folder / "clock-step"
        self.step(0)
        self._start_anew(up, compiled(folder))

    def step(self, seconds: int) -> None:
        """The clock differs from the machine's by so much, from now on."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:  # the same file: it is mapped
            file.write(struct.pack("=q", seconds))

    def _start_anew(self, up: Installation, library: Path) -> None:
        path = up.settings.state_dir / "supervisord.conf"
        text = path.read_text(encoding="utf-8")
        more = f'LD_PRELOAD="{library}",CLOCK_STEP_FILE="{self._file}"'
        for name in STEPPED:
            head, start, rest = text.partition(f"[program:{name}]")
            assert start, f"there is no program {name}"
            text = head + start + re.sub(r"(?m)^environment =[ ]*(.*)$", rf"environment = \1,{more}", rest, count=1)
        path.write_text(text.replace("environment = ,", "environment = "), encoding="utf-8")
        boss = health.supervisor(up.settings)
        boss._call("supervisor.reloadConfig")
        for name in STEPPED:
            boss.stop_process(name)
            boss._call("supervisor.removeProcessGroup", name)
            boss._call("supervisor.addProcessGroup", name)


def compiled(folder: Path) -> Path:
    """The library of `clock.c`; without a C compiler the test is skipped."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the wall clock of single processes cannot be stepped")
    library = folder / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-Wall", "-o", library, SOURCE], check=True)
    return library
