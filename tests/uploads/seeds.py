"""A short recording in each container that is accepted: what is broken by hand and by the fuzzer."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

KINDS = {
    "wav": ["-ar", "16000"],
    "adpcm.wav": ["-ar", "11025", "-c:a", "adpcm_ms"],
    "aiff": ["-ar", "16000"],
    "au": ["-ar", "16000"],
    "flac": ["-ar", "16000"],
    "mp3": ["-ar", "24000", "-b:a", "32k"],
    "aac": ["-ar", "24000", "-c:a", "aac", "-b:a", "32k"],
    "m4a": ["-ar", "24000", "-c:a", "aac", "-b:a", "32k"],
    "alac.m4a": ["-ar", "16000", "-c:a", "alac"],
    "safari.mp4": ["-ar", "24000", "-c:a", "aac", "-b:a", "32k", "-movflags", "+frag_keyframe+empty_moov"],
    "ogg": ["-ar", "24000", "-c:a", "libvorbis"],
    "opus": ["-ar", "48000", "-c:a", "libopus", "-b:a", "24k"],
    "webm": ["-ar", "48000", "-c:a", "libopus", "-b:a", "24k"],
    "wma": ["-ar", "22050", "-c:a", "wmav2", "-b:a", "32k"],
    "caf": ["-ar", "16000", "-c:a", "alac"],
}


def seeds_in(folder: Path, speech: Path, ffmpeg: Callable[..., Path]) -> dict[str, Path]:
    """Each kind's recording in `folder`, by kind."""
    made = {kind: ffmpeg("-t", "4", "-i", speech, *how, folder / f"seed.{kind}") for kind, how in KINDS.items()}
    for kind, wide in (("amr", False), ("awb", True)):
        made[kind] = folder / f"seed.{kind}"
        made[kind].write_bytes(amr(wide))
        made[f"{kind}.3gp"] = ffmpeg("-i", made[kind], "-c", "copy", folder / f"seed.{kind}.3gp")
    return made


def amr(wide: bool, frames: int = 200) -> bytes:
    """What AMR's best mode makes of bits drawn by lot: there is no free encoder on every machine."""
    magic, kind, size = (b"#!AMR-WB\n", 0x44, 60) if wide else (b"#!AMR\n", 0x3C, 31)
    draw = random.Random(7)
    return magic + b"".join(bytes([kind]) + draw.randbytes(size) for _ in range(frames))
