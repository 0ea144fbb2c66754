"""How loud people find it: ITU-R BS.1770-4, in LUFS.

Its filter for the ear is put on the spectrum of each tenth of a second, and not on the samples: only powers are wanted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.floating[Any]]

_HOP_S, _HOPS = 0.1, 4
"""Blocks of 0.4 s, one every 0.1 s."""
_ABSOLUTE_GATE, _RELATIVE_GATE_DB = -70.0, -10.0
_OFFSET_DB = -0.691
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_LOW_HZ, _LOW_Q = 38.13547087602444, 0.5003270373238773
_SHELF_BEND = 0.4996667741545416


def loudness_lufs(signal: Signal, rate_hz: int) -> float:
    """The integrated loudness of mono sound, pauses left out by the two gates; -inf for silence or under 0.4 s."""
    hop = round(_HOP_S * rate_hz)
    hops = signal[: len(signal) // hop * hop].reshape(-1, hop)
    if len(hops) < _HOPS:
        return -np.inf
    spectra = np.fft.rfft(hops, axis=1)
    powers = (spectra.real**2 + spectra.imag**2) @ _weights(hop, rate_hz).astype(signal.dtype) / hop**2
    summed = np.concatenate([[0.0], np.cumsum(powers, dtype=np.float64)])
    blocks = (summed[_HOPS:] - summed[:-_HOPS]) / _HOPS
    heard = blocks[blocks > _power(_ABSOLUTE_GATE)]
    if not len(heard):
        return -np.inf
    return _lufs(heard[heard > _power(_lufs(heard.mean()) + _RELATIVE_GATE_DB)].mean())


def _weights(length: int, rate_hz: int) -> NDArray[np.float64]:
    """What each line of a spectrum counts for: twice but for the first and last, times the ear's filter squared."""
    weights = 2.0 * np.abs(_shelf(length, rate_hz) * _low_cut(length, rate_hz)) ** 2
    weights[0] /= 2
    if length % 2 == 0:
        weights[-1] /= 2
    return weights


def _shelf(length: int, rate_hz: int) -> NDArray[np.complex128]:
    """The head: what is above 1.7 kHz counts for 4 dB more."""
    k, high = np.tan(np.pi * _SHELF_HZ / rate_hz), 10 ** (_SHELF_DB / 20)
    bend, over_q = high**_SHELF_BEND, k / _SHELF_Q
    above = (high + bend * over_q + k * k, 2 * (k * k - high), high - bend * over_q + k * k)
    return _response(above, (1 + over_q + k * k, 2 * (k * k - 1), 1 - over_q + k * k), length)


def _low_cut(length: int, rate_hz: int) -> NDArray[np.complex128]:
    """The ear hears little below 40 Hz."""
    k = np.tan(np.pi * _LOW_HZ / rate_hz)
    first = 1 + k / _LOW_Q + k * k
    return _response((first, -2 * first, first), (first, 2 * (k * k - 1), 1 - k / _LOW_Q + k * k), length)


def _response(above: tuple[float, ...], below: tuple[float, ...], length: int) -> NDArray[np.complex128]:
    """The response of a filter of second order at each line of a spectrum of `length` samples."""
    delay = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    return np.asarray(np.polyval(above[::-1], delay) / np.polyval(below[::-1], delay), np.complex128)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_DB) / 10))


def _lufs(power: float) -> float:
    return _OFFSET_DB + 10 * float(np.log10(power))
