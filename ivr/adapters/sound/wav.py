"""Recordings that we make ourselves: speech joined into one, as a wav file."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

import numpy as np
import soxr

from ivr.adapters.sound import editing
from ivr.adapters.sound.channels import Samples
from ivr.adapters.sound.decoding import Pcm
from ivr.adapters.sound.g711 import Pcm16


def join(parts: Sequence[Pcm], pause_ms: int) -> Pcm:
    """The parts, all of one rate, one after another with `pause_ms` of silence between them."""
    rate_hz = parts[0].rate_hz
    joined = editing.join([_pcm16(part.samples) for part in parts], rate_hz, pause_ms)
    return Pcm((joined / 32768).astype(np.float32), rate_hz)


def wav(pcm: Pcm, rate_hz: int) -> bytes:
    """`pcm` at `rate_hz` as a 16-bit mono wav file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate_hz)
        opened.writeframes(_pcm16(soxr.resample(pcm.samples, pcm.rate_hz, rate_hz, "VHQ")).astype("<i2").tobytes())
    return content.getvalue()


def _pcm16(samples: Samples) -> Pcm16:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
