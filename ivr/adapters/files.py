"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ivr.errors import Temporary

FORGOTTEN_S = 600


def write_whole(file: Path, content: bytes, mode: int = 0o644) -> None:
    """`file` holds `content`; whoever looks meanwhile, or after a failure, finds the whole file or none.

    A file that already holds it is left alone. Raises Temporary when it cannot be written.
    """
    if file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = new_part(file.parent)
    except OSError as error:
        raise unwritable(file.parent, error) from None
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.chmod(mode)
        os.replace(temporary, file)
    except OSError as error:
        raise unwritable(file.parent, error) from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


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
    handle, name = tempfile.mkstemp(prefix=f".{_machine()}-{os.getpid()}.", suffix=".part", dir=folder)
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
            if not Path("/proc", pid).exists() and part.stat().st_mtime < time.time() - FORGOTTEN_S:
                part.unlink()


def _machine() -> str:
    """Eight letters for this machine: a folder may be shared with others, whose processes have the same numbers."""
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


def unwritable(folder: Path, error: OSError) -> Temporary:
    """What to say when `folder` cannot be written."""
    return Temporary(
        f"{folder} cannot be written ({error.strerror}): free some space or check who may write there, then try again"
    )
