"""What Asterisk will play, made hearable in a browser: the A-law bytes themselves, decoded, and nothing else."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ivr.adapters.sound import g711
from ivr.adapters.sound.loudness import loudness_lufs
from ivr.adapters.sound.rendering import TELEPHONE_HZ
from ivr.errors import NotFound


@dataclass(frozen=True, slots=True)
class Played:
    """Sounds one after another. wav: 16-bit PCM at 8 kHz, each sample the level of an A-law byte.

    lengths_ms: of each sound. peaks: lowest and highest sample of each of so many equal parts, -1 … 1.
    """

    wav: bytes
    lengths_ms: tuple[int, ...]
    peaks: tuple[tuple[float, float], ...]


def as_played(sounds: Sequence[str], folder: Path, parts: int) -> Played:
    """The renderings of `sounds` as one piece, without a pause between them, as the call plays them."""
    coded = [_coded(sound, folder) for sound in sounds]
    pcm = g711.from_alaw(np.concatenate(coded))
    content = io.BytesIO()
    with wave.open(content, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(TELEPHONE_HZ)
        opened.writeframes(pcm.astype("<i2").tobytes())
    peaks = tuple((float(part.min()) / 32768, float(part.max()) / 32768) for part in np.array_split(pcm, parts))
    return Played(content.getvalue(), tuple(len(one) * 1000 // TELEPHONE_HZ for one in coded), peaks)


def loudness_of(sound: str, folder: Path) -> float:
    """How loud the rendering is, LUFS."""
    return loudness_lufs(g711.from_alaw(_coded(sound, folder)) / 32768, TELEPHONE_HZ)


def _coded(sound: str, folder: Path) -> g711.Coded:
    try:
        return np.frombuffer((folder / f"{sound}.alaw").read_bytes(), np.uint8)
    except OSError:
        raise NotFound(
            f"the sound {sound} is not in {folder}: add its recording again with `ivr message add`"
        ) from None
