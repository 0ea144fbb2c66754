"""Which container a file is, by its first bytes: never by its name, which the sender chose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """The one demuxer a file is read with. whitelist: the same demuxer under every name ffmpeg gives it."""

    demuxer: str
    whitelist: str


_WAV, _FLAC, _OGG, _MP3 = (Container(name, name) for name in ("wav", "flac", "ogg", "mp3"))
_MATROSKA = Container("matroska", "matroska,webm")
_MOV = Container("mov", "mov,mp4,m4a,3gp,3g2,mj2")
_ID3_BYTES = 10
_SIZE_UNKNOWN = 0x7FFF_0000


def container_of(head: bytes) -> Container | None:
    """The container that begins with `head` (64 bytes are enough), or None. Text, and so any playlist, is None."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return _WAV
    if head[4:8] == b"ftyp":
        return _MOV
    by_magic = {b"OggS": _OGG, b"fLaC": _FLAC, b"\x1aE\xdf\xa3": _MATROSKA}
    if head[:4] in by_magic:
        return by_magic[head[:4]]
    return _MP3 if (head[:3] == b"ID3" and len(head) >= _ID3_BYTES) or _is_mpeg_frame(head) else None


def announced_bytes(head: bytes) -> int:
    """How long a wav file says it is (ffmpeg does not compare); 0 when it does not say, as one written to a pipe."""
    size = int.from_bytes(head[4:8], "little")
    return size + 8 if head[:4] == b"RIFF" and size < _SIZE_UNKNOWN else 0


def _is_mpeg_frame(head: bytes) -> bool:
    """Eleven sync bits, a known version, layer III, a bit rate and a sampling rate that exist (ISO 11172-3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and rate != 3


def looks_like_text(head: bytes) -> bool:
    """True when `head` is what people call text: no control bytes but line ends and tabs."""
    return bool(head) and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head) and _is_utf8(head)


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut by the end of what was read
    return True
