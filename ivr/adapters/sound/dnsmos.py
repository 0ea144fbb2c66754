"""What a listening panel would say of speech: DNSMOS P.835 (Microsoft, MIT), as shipped in the wheel of speechmos.

The network is eight small convolutions and three layers: numpy computes it (the same to five digits as onnxruntime,
which would be 80 MB and reports home). Only the weights are read from the package; its own code is never imported.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ivr.adapters.sound.level import Signal
from ivr.rules.recording_facts import Quality

Array = NDArray[np.float32]

WINDOW = 144_160  # 9.01 s at 16 kHz
HOP = 160
MOST_WINDOWS = 2
PEAK = 0.7
ROWS_AT_ONCE = 32
LEAST_POWER = 1e-12
# From the raw outputs to opinion scores: the polynomials of DNS-Challenge, dnsmos_local.py.
TO_SIGNAL = (-0.08397278, 1.22083953, 0.0052439)
TO_BACKGROUND = (-0.13166888, 1.60915514, -0.39604546)
TO_OVERALL = (-0.06766283, 1.11546468, 0.04602535)
_GRAPH, _INITIALIZER, _DIMS, _FLOATS, _NAME, _RAW = 7, 5, 1, 4, 8, 9  # fields of onnx.proto


def quality(signal: Signal) -> Quality | None:
    """The mean opinion of a few windows of `signal`, at 16 kHz; None when the weights are not installed."""
    weights = _weights()
    if weights is None or not len(signal):
        return None
    loud = signal / max(1e-6, float(np.abs(signal).max())) * PEAK
    whole = np.tile(loud, -(-WINDOW // len(loud)))
    count = min(MOST_WINDOWS, 1 + len(whole) // (2 * WINDOW))
    begins = np.linspace(0, len(whole) - WINDOW, count).astype(int)
    raw = np.mean([_network(whole[begin : begin + WINDOW].astype(np.float32), weights) for begin in begins], axis=0)
    scores = (np.polyval(curve, raw[index]) for index, curve in enumerate((TO_SIGNAL, TO_BACKGROUND, TO_OVERALL)))
    signal_score, background, overall = (round(float(score), 2) for score in scores)
    return Quality(overall, signal_score, background)


def _network(window: Array, weights: dict[str, Array]) -> Array:
    """The three raw outputs for one window: signal, background, overall."""
    maps = _log_spectrum(window, weights)[None]
    for layer in range(7):
        suffix = f"_{layer}" if layer else ""
        maps = _convolve(maps, weights[f"conv2d{suffix}/kernel:0"], weights[f"conv2d{suffix}/bias:0"])
        if layer in (3, 4, 5):
            maps = _pool(maps)
    hidden = maps.max(axis=(1, 2))
    for name in ("dense", "dense_1"):
        hidden = np.maximum(0, _dense(hidden, name, weights))
    return _dense(hidden, "dense_3", weights)


def _log_spectrum(window: Array, weights: dict[str, Array]) -> Array:
    frames = np.lib.stride_tricks.sliding_window_view(window, 2 * HOP)[::HOP][:900]
    real, imaginary = (frames @ weights[f"time2freq/stft-{part}/kernel:0"][:, :, 0].T for part in ("real", "imag"))
    spectrum: Array = np.log10(np.maximum(LEAST_POWER, real**2 + imaginary**2)).astype(np.float32)
    return spectrum


def _convolve(maps: Array, kernel: Array, bias: Array) -> Array:
    """3 by 3 with a border of zeros, then what is negative becomes 0; some rows at once, for the cache."""
    channels, height, width = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    out = np.empty((len(kernel), height, width), np.float32)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = min(ROWS_AT_ONCE, height - top)
        columns = np.empty((channels, 3, 3, rows, width), np.float32)
        for down in range(3):
            for right in range(3):
                columns[:, down, right] = padded[:, top + down : top + down + rows, right : right + width]
        product = kernel.reshape(len(kernel), -1) @ columns.reshape(channels * 9, -1)
        out[:, top : top + rows] = product.reshape(-1, rows, width)
    rectified: Array = np.maximum(0, out + bias[:, None, None])
    return rectified


def _pool(maps: Array) -> Array:
    """The greatest of each 2 by 2."""
    even = maps[:, : maps.shape[1] // 2 * 2, : maps.shape[2] // 2 * 2]
    rows = np.maximum(even[:, ::2], even[:, 1::2])
    pooled: Array = np.maximum(rows[:, :, ::2], rows[:, :, 1::2])
    return pooled


def _dense(values: Array, name: str, weights: dict[str, Array]) -> Array:
    prefix = f"mos_estimator_logpow/{name}"
    product: Array = values @ weights[f"{prefix}/MatMul/ReadVariableOp/resource:0"]
    return product + weights[f"{prefix}/BiasAdd/ReadVariableOp/resource:0"]


@functools.cache
def _weights() -> dict[str, Array] | None:
    """The weights by name, read from the package's model file; None when it is not installed."""
    package = importlib.util.find_spec("speechmos")
    if package is None or not package.submodule_search_locations:
        return None
    file = Path(package.submodule_search_locations[0]) / "dnsmos_models" / "sig_bak_ovr.onnx"
    if not file.is_file():
        return None
    graph = next(bytes(value) for field, value in _fields(file.read_bytes()) if field == _GRAPH)
    tensors = (_tensor(value) for field, value in _fields(graph) if field == _INITIALIZER and isinstance(value, bytes))
    return {name: values for name, values in tensors if values is not None}


def _tensor(encoded: bytes) -> tuple[str, Array | None]:
    """Name and values of a tensor of 32-bit floats; None for any other."""
    dims: list[int] = []
    name, raw = "", b""
    for field, value in _fields(encoded):
        if field == _DIMS:
            dims += [value] if isinstance(value, int) else _varints(value)
        elif field == _NAME and isinstance(value, bytes):
            name = value.decode()
        elif field in (_RAW, _FLOATS) and isinstance(value, bytes):
            raw = value or raw
    fits = len(raw) == 4 * int(np.prod(dims, dtype=int)) and bool(dims)
    return name, np.frombuffer(raw, "<f4").reshape(dims) if fits else None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number, and a whole number or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
        yield tag >> 3, message[at : at + size]
        at += size


def _varints(packed: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(packed):
        number, at = _varint(packed, at)
        numbers.append(number)
    return numbers


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
