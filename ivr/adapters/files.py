"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ivr.errors import Temporary

FORGOTTEN_S = 600


def write_whole(file: Path, content: bytes, mode: int = 0o644) -> None:
    """`file` holds `content`; whoever looks meanwhile, or after a failure, finds the whole file or none.

    A file that already holds it is left alone. Raises Temporary when it cannot be written.
    """
    write_all({file: content}, mode)


def write_all(contents: Mapping[Path, bytes], mode: int = 0o644) -> None:
    """Each file holds its content, in that order; where there is no room for all of them, none was written."""
    parts: list[tuple[Path, Path]] = []
    try:
        for file, content in contents.items():
            if not _holds(file, content):
                parts.append((_written_part(file.parent, content, mode), file))
        for part, file in parts:
            try:
                os.replace(part, file)
            except OSError as error:
                raise unwritable(file.parent, error) from None
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


def _holds(file: Path, content: bytes) -> bool:
    return file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content


def _written_part(folder: Path, content: bytes, mode: int) -> Path:
    """A part in `folder` that holds `content`, on the disk; none is left when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = new_part(folder)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        part.chmod(mode)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(folder, error) from None
        raise
    return part


def kept_secret(file: Path, make: Callable[[], bytes]) -> bytes:
    """What `file` holds: a secret made at first use, readable by its owner alone, and the same for all from then on."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(make())
        try:
            os.link(temporary, file)  # two first uses at once: the first one's secret stands for both
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return file.read_bytes()


def new_part(folder: Path) -> tuple[int, Path]:
    """A new file that is not whole yet, open for writing; its name says whose it is, should we be killed."""
    handle, name = tempfile.mkstemp(prefix=f".{this_process()}.", suffix=".part", dir=folder)
    return handle, Path(name)


def drop_parts(folder: Path, pid: int) -> None:
    """Nothing is left of what the process `pid`, which was killed, was writing in `folder`."""
    for part in folder.glob(f".{_machine()}-{pid}.*.part"):
        part.unlink(missing_ok=True)


def drop_forgotten(folder: Path) -> None:
    """Nothing is left of what processes of this machine that are gone were writing ten minutes ago."""
    for part in folder.glob(f".{_machine()}-*.part"):
        pid = part.name.split(".")[1].partition("-")[2]
        with suppress(FileNotFoundError):
            if not _lives(pid) and part.stat().st_mtime < time.time() - FORGOTTEN_S:
                part.unlink()


def this_process() -> str:
    """What tells this process from all others, on whatever machine they are, until its number is given out again."""
    return f"{_machine()}-{os.getpid()}"


def gone(process: str) -> int:
    """The number of a process of this machine that is no more; 0 when it is there, or on another machine."""
    machine, _, pid = process.partition("-")
    return int(pid) if machine == _machine() and not _lives(pid) else 0


def _lives(pid: str) -> bool:
    """A zombie does not: where nothing reaps orphans, as in many a container, it stays for good."""
    try:
        state = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1]
    except OSError:
        return False
    return state not in "ZX"


def _machine() -> str:
    """Eight letters for this machine: a folder may be shared with others, whose processes have the same numbers."""
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


def unwritable(folder: Path, error: OSError) -> Temporary:
    """What to say when `folder` cannot be written."""
    return Temporary(
        f"{folder} cannot be written ({error.strerror}): free some space or check who may write there, then try again"
    )
