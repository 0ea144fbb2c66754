"""Making a recording ready for the telephone, once, when it is added: read, judged, rendered, kept."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters import sound
from ivr.adapters.files import new_part, unwritable
from ivr.errors import NotFound
from ivr.rules.refusals import refusal
from ivr.settings import Settings

CHUNK_BYTES = 1 << 20

Judge = Callable[[sound.Pcm, str, str], None]
"""Is given the sound, the name as it may be shown, and the SHA-256 of the file."""
Admit = Callable[[str], None]
"""Is given the name of the rendering before anything of it is written, and may refuse it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A message that can be played. original_sha256: hex, its name in the originals folder. length_ms: as played."""

    original_name: str
    original_sha256: str
    sound: str
    length_ms: int


def prepare(file: Path, settings: Settings, judge: Judge | None = None, admit: Admit | None = None) -> Recording:
    """`file` is rendered in the sounds folder and kept among the originals; `file` itself is not touched.

    What is read is a private copy, so that nobody can change it between the checks and the rendering. judge: hears
    of what was decoded, admit: of what was rendered; each may refuse it. Raises NotFound, AudioRefused with what is
    wrong and what to do, or Temporary when there is no room; then nothing is left.
    """
    with private_copy(file, settings) as (copied, shown, digest):
        pcm = sound.decode(copied, settings, shown)
        if judge:
            judge(pcm, shown, digest)
        rendering = sound.render(pcm, settings.sounds_dir, shown, settings.message.min_s, admit)
        copied.replace(settings.originals_dir / digest)
    return Recording(shown, digest, rendering.sound, rendering.length_ms)


@contextmanager
def private_copy(file: Path, settings: Settings) -> Iterator[tuple[Path, str, str]]:
    """A copy of `file` that nobody else can change, its name as it may be shown, its SHA-256; gone afterwards."""
    shown = "".join(character if character.isprintable() else "?" for character in file.name)
    copied, digest = _private_copy(file, shown, settings)
    try:
        yield copied, shown, digest
    finally:
        copied.unlink(missing_ok=True)


def verify(recording_sound: str, settings: Settings) -> None:
    """The rendering is there, whole, and still what it was. Raises NotFound or Permanent, which say what to do."""
    sound.verify(recording_sound, settings.sounds_dir)


def _private_copy(file: Path, name: str, settings: Settings) -> tuple[Path, str]:
    """A copy that only this user can read, in the originals folder, and the SHA-256 of its content."""
    folder = settings.originals_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, copied = new_part(folder)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        with os.fdopen(handle, "wb") as target:
            digest = _copy(_opened(file, name), target.fileno(), name, settings)
    except BaseException as error:
        copied.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(folder, error) from None
        raise
    return copied, digest


def _opened(file: Path, name: str) -> int:
    """A descriptor of `file`, which is a regular file and no link; nothing else is opened, so nothing waits."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise refusal("not_a_file", name)
    except OSError:
        raise NotFound(f"no such file: {name}") from None
    try:
        source = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise refusal("not_allowed", name, system=str(error.strerror)) from None
    if not stat.S_ISREG(os.fstat(source).st_mode):  # it was changed meanwhile
        os.close(source)
        raise refusal("not_a_file", name)
    return source


def _copy(source: int, target: int, name: str, settings: Settings) -> str:
    """All of `source` is in `target`; the SHA-256 of it. Closes `source`."""
    digest, total = hashlib.sha256(), 0
    with os.fdopen(source, "rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            total += len(chunk)
            if total > settings.message.max_bytes:
                raise refusal("too_large", name, most_mb=settings.message.max_bytes / 1e6)
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(target, view) :]
    return digest.hexdigest()
