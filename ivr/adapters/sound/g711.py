"""G.711 (A-law and µ-law) as tables: CPython dropped `audioop` in 3.13, and 256 numbers need no library.

The levels are those of ITU-T G.711 tables 1 and 2, scaled to 16 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm16 = NDArray[np.int16]
Coded = NDArray[np.uint8]


def _alaw_levels() -> Pcm16:
    code = np.arange(256) ^ 0x55
    segment, step = (code >> 4) & 7, code & 15
    magnitude = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _ulaw_levels() -> Pcm16:
    code = ~np.arange(256) & 255
    magnitude = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _nearest(levels: Pcm16) -> Coded:
    """For each of the 65,536 samples the code whose level is nearest; of two as near, the higher level."""
    order = np.argsort(levels, kind="stable")
    ascending = levels[order].astype(np.int64)
    thresholds = (ascending[1:] + ascending[:-1]) / 2
    return order[np.searchsorted(thresholds, np.arange(-32768, 32768), side="right")].astype(np.uint8)


ALAW_LEVELS, ULAW_LEVELS = _alaw_levels(), _ulaw_levels()
_TO_ALAW, _TO_ULAW = _nearest(ALAW_LEVELS), _nearest(ULAW_LEVELS)


def to_alaw(pcm: Pcm16) -> Coded:
    """One A-law byte per sample, the nearest level."""
    return _TO_ALAW[pcm.astype(np.int32) + 32768]


def to_ulaw(pcm: Pcm16) -> Coded:
    """One µ-law byte per sample, the nearest level."""
    return _TO_ULAW[pcm.astype(np.int32) + 32768]


def from_alaw(coded: Coded) -> Pcm16:
    """The 16-bit level of each A-law byte."""
    return ALAW_LEVELS[coded]


def from_ulaw(coded: Coded) -> Pcm16:
    """The 16-bit level of each µ-law byte."""
    return ULAW_LEVELS[coded]
