"""Breaks a recording as a fuzzer does: mostly near its beginning, where what it claims about itself stands."""

from __future__ import annotations

import random

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
HEADER_BYTES = 512
MOST_CHANGES = 8


def mutated(content: bytes, other: bytes, draw: random.Random) -> bytes:
    """`content` with one to eight changes; some of them bring in a part of `other`."""
    broken = bytearray(content)
    for _ in range(draw.randint(1, MOST_CHANGES)):
        draw.choice(CHANGES)(broken, other, draw)
    return bytes(broken)


def _place(broken: bytearray, draw: random.Random) -> int:
    """Three times in four in the header, else anywhere."""
    most = min(len(broken), HEADER_BYTES) if draw.random() < 0.75 else len(broken)
    return draw.randrange(most) if most else 0


def _flip(broken: bytearray, other: bytes, draw: random.Random) -> None:
    if broken:
        broken[_place(broken, draw)] ^= 1 << draw.randrange(8)


def _extreme(broken: bytearray, other: bytes, draw: random.Random) -> None:
    size = draw.choice((1, 2, 4, 8))
    value = draw.choice(EXTREMES) & (1 << 8 * size) - 1
    at = _place(broken, draw)
    broken[at : at + size] = value.to_bytes(size, draw.choice(("big", "little")))


def _noise(broken: bytearray, other: bytes, draw: random.Random) -> None:
    at, size = _place(broken, draw), draw.randrange(1, 64)
    broken[at : at + size] = draw.randbytes(size)


def _cut(broken: bytearray, other: bytes, draw: random.Random) -> None:
    del broken[_place(broken, draw) :]


def _leave_out(broken: bytearray, other: bytes, draw: random.Random) -> None:
    at = _place(broken, draw)
    del broken[at : at + draw.randrange(1, 256)]


def _repeat(broken: bytearray, other: bytes, draw: random.Random) -> None:
    at = _place(broken, draw)
    broken[at:at] = broken[at : at + draw.randrange(1, 256)] * draw.randrange(1, 40)


def _splice(broken: bytearray, other: bytes, draw: random.Random) -> None:
    at = draw.randrange(len(other))
    broken[_place(broken, draw) :] = other[at : at + 20_000]


def _blank(broken: bytearray, other: bytes, draw: random.Random) -> None:
    at, size = _place(broken, draw), draw.randrange(1, 2000)
    broken[at : at + size] = bytes([draw.choice((0, 0xFF))]) * min(size, max(0, len(broken) - at))


CHANGES = (_flip, _flip, _extreme, _extreme, _extreme, _noise, _leave_out, _repeat, _blank, _cut, _splice)
