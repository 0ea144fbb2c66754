"""From mono sound to the files Asterisk plays, named by the hash of what is heard."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from ivr.adapters.files import write_all, write_whole
from ivr.adapters.sound import editing, g711, level
from ivr.adapters.sound.decoding import Pcm
from ivr.adapters.sound.steadying import steadied
from ivr.errors import NotFound, Permanent
from ivr.rules.refusals import refusal

TELEPHONE_HZ, WIDE_HZ = 8000, 16000
MOST_LOST_DB = 30.0
"""What is left after that is what the filters left of something else, such as a whistle of 5 kHz."""
FRAME = 160
"""Samples of one RTP packet of 20 ms at 8 kHz: a rendering is a whole number of them."""
FORMATS = ("sln16", "ulaw", "alaw")
"""In the order in which they are written: a sound whose .alaw is there is complete."""
_SOUND = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Rendering:
    """A sound as Asterisk plays it. sound: its name, the hash of its A-law file. length_ms: all of it is heard."""

    sound: str
    length_ms: int


def render(
    pcm: Pcm,
    folder: Path,
    name: str = "the recording",
    least_s: float = 0.0,
    admit: Callable[[str], None] | None = None,
) -> Rendering:
    """`pcm` is in `folder` as <sound>.alaw, .ulaw and .sln16: filtered, trimmed, faded, its speech at -22 dBov.

    The same sound gives the same name, and nothing is written twice. name: what it is called in messages. admit: is
    given the sound's name before anything is written, and may refuse it. Raises AudioRefused when it is silent or has
    less than `least_s` of sound, Temporary when the folder cannot be written.
    """
    wide = _levelled(pcm, name)
    if len(wide) < least_s * WIDE_HZ:
        raise refusal("too_short", name, heard_s=round(len(wide) / WIDE_HZ, 1), least_s=least_s)
    telephone = _quantised(_telephone(wide, name))
    coded = {
        "alaw": g711.to_alaw(telephone).tobytes(),
        "ulaw": g711.to_ulaw(telephone).tobytes(),
        "sln16": _quantised(level.bring_to_target(wide, WIDE_HZ)).astype("<i2").tobytes(),
    }
    sound = _name(coded["alaw"])
    if admit:
        admit(sound)
    write_all({folder / f"{sound}.{extension}": coded[extension] for extension in FORMATS})
    return Rendering(sound, length_ms(sound, folder))


def _levelled(pcm: Pcm, name: str) -> level.Signal:
    """16 kHz, filtered, levelled, trimmed to the speech, and a whole number of packets long."""
    centred = pcm.samples - pcm.samples.mean()  # else a constant offset would click where the file begins and ends
    wide = soxr.resample(centred, pcm.rate_hz, WIDE_HZ, "VHQ")
    filtered = level.high_pass(wide, WIDE_HZ) if len(wide) else wide
    if not level.active_level_dbov(filtered, WIDE_HZ) > level.SILENT_DBOV:
        raise refusal("silent", name)
    steady = steadied(filtered, WIDE_HZ)
    trimmed = editing.trim_and_fade(_quantised(level.roughly_to_target(steady, WIDE_HZ)), WIDE_HZ)
    frame = FRAME * WIDE_HZ // TELEPHONE_HZ
    return np.pad(trimmed, (0, -len(trimmed) % frame)).astype(np.float32) / 32768


def _telephone(wide: level.Signal, name: str) -> level.Signal:
    """8 kHz, without what the telephone cannot carry, as loud as a message is."""
    narrow = soxr.resample(wide, WIDE_HZ, TELEPHONE_HZ, "VHQ")
    if level.active_level_dbov(narrow, TELEPHONE_HZ) < level.TARGET_DBOV - MOST_LOST_DB:
        raise refusal("no_telephone_band", name)
    return level.bring_to_target(narrow, TELEPHONE_HZ)


def _quantised(signal: level.Signal) -> g711.Pcm16:
    return np.clip(np.rint(signal * 32768), -32768, 32767).astype(np.int16)


def _name(alaw: bytes) -> str:
    return hashlib.sha256(alaw).hexdigest()[:32]


def length_ms(sound: str, folder: Path) -> int:
    """The length of a rendering, milliseconds. Raises NotFound when it is not there."""
    try:
        return (folder / f"{sound}.alaw").stat().st_size * 1000 // TELEPHONE_HZ
    except OSError:
        raise NotFound(
            f"the sound {sound} is not in {folder}: add its recording again with `ivr message add`"
        ) from None


def verify(sound: str, folder: Path) -> None:
    """All files of `sound` are there, complete, and its A-law file is the one it is named for.

    Raises NotFound or Permanent, which name the file and say what to do.
    """
    length = length_ms(sound, folder) * TELEPHONE_HZ // 1000
    for extension, size in (("alaw", length), ("ulaw", length), ("sln16", 4 * length)):
        file = folder / f"{sound}.{extension}"
        if not file.is_file() or file.stat().st_size != size:
            raise Permanent(f"{file} is missing or incomplete: add its recording again with `ivr message add`")
    if not _SOUND.fullmatch(sound) or _name((folder / f"{sound}.alaw").read_bytes()) != sound:
        raise Permanent(
            f"{folder / sound}.alaw is not what was recorded: add its recording again with `ivr message add`"
        )


def copy(sound: str, name: str, folder: Path) -> None:
    """The rendering `sound` can also be played under the fixed `name`."""
    for extension in FORMATS:
        write_whole(folder / f"{name}.{extension}", (folder / f"{sound}.{extension}").read_bytes())
