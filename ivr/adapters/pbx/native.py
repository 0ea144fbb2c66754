"""Obtaining the programs that the machine lacks: asterisk/obtain.sh does the work, this reports it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ivr.adapters.pbx import programs
from ivr.errors import SetUpFailed
from ivr.settings import HOME

SCRIPT = HOME / "asterisk" / "obtain.sh"


def obtain(cache_dir: Path, progress: Callable[[str], None]) -> None:
    """Every program of programs.NAMES can be found afterwards; `progress` is given one line at a time for people.

    At once when nothing is missing. Raises SetUpFailed with the one line that says what failed and what to do.
    """
    lacking = programs.missing(cache_dir)
    if not lacking:
        return
    progress(f"not on this machine: {', '.join(lacking)}")
    _run(["bash", str(SCRIPT), str(cache_dir), *lacking], progress)
    still = programs.missing(cache_dir)
    if still:
        raise SetUpFailed(
            f"{', '.join(still)} cannot be found although the set-up ended well: delete {cache_dir} and try again"
        )


def _run(command: list[str], progress: Callable[[str], None]) -> None:
    errors: list[str] = []
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as child:
            if child.stdout is None or child.stderr is None:  # both are PIPE
                raise SetUpFailed
            reader = threading.Thread(target=_collect, args=(child.stderr, errors))
            reader.start()
            for line in child.stdout:
                progress(line.rstrip())
            reader.join()
    except OSError as error:
        raise SetUpFailed(f"{command[0]} could not be started: {error.strerror}") from None
    if child.returncode != 0:
        raise SetUpFailed(_reason(errors))


def _collect(stream: IO[str], lines: list[str]) -> None:
    lines.extend(line.strip() for line in stream if line.strip())


def _reason(errors: list[str]) -> str:
    """The script's own last sentence; else the last thing any of its programs said."""
    own = [line.removeprefix("error: ") for line in errors if line.startswith("error: ")]
    return (own or errors or ["asterisk/obtain.sh ended without a reason"])[-1]
