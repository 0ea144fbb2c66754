"""One channel out of two, chosen so that no way of recording in stereo loses the voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Powers = NDArray[np.float64]

FRAME_S = 0.02
LOST_IN_MEAN_DB = 4.0
"""A mean this much weaker than the louder side has cancelled something: uncorrelated sides lose 3 dB in it."""
CLEARER_DB = 6.0
"""How much more a side's voice must stand out than the mean's before that side alone is taken."""
_FLOOR = 1e-12


def mono(samples: Samples, rate_hz: int) -> Samples:
    """One channel of `samples`, whose shape is (samples, 1 or 2).

    It is the mean of both, unless that loses the voice (opposite phase, one side dead) or drowns it in what the other
    side has (hum, hiss): then the side whose voice stands out more.
    """
    if samples.shape[1] == 1 or not len(samples):
        return np.ascontiguousarray(samples[:, 0])
    left, right, both = _frame_powers(samples, rate_hz)
    kept_db = _db(both.sum()) - _db(max(left.sum(), right.sum()))
    clear = [_stands_out_db(powers) for powers in (left, right, both)]
    if kept_db > -LOST_IN_MEAN_DB and max(clear[:2]) < clear[2] + CLEARER_DB:
        return (samples[:, 0] + samples[:, 1]) * np.float32(0.5)
    side = int(np.argmax(clear[:2])) if abs(clear[0] - clear[1]) > 1 else int(right.sum() > left.sum())
    return np.ascontiguousarray(samples[:, side])


def _frame_powers(samples: Samples, rate_hz: int) -> tuple[Powers, Powers, Powers]:
    """The power of each frame of 20 ms: left, right, and the mean of both."""
    frame = min(len(samples), max(1, round(FRAME_S * rate_hz)))
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame, 2)
    left, right = frames[..., 0], frames[..., 1]
    ll, rr, lr = (
        np.einsum("ij,ij->i", a, b).astype(np.float64) for a, b in ((left, left), (right, right), (left, right))
    )
    return ll, rr, np.maximum(0.0, (ll + rr + 2 * lr) / 4)


def _stands_out_db(powers: Powers) -> float:
    """How far the loud frames are above the quiet ones: tens of dB for a voice, little for hum or hiss; 0 if silent."""
    loud, quiet = np.quantile(powers, (0.95, 0.1))
    return _db(loud) - _db(max(quiet, loud * 1e-6)) if loud > _FLOOR else 0.0


def _db(power: float) -> float:
    return 10 * float(np.log10(power + 1e-20))
