"""Which container a file is, by its first bytes: never by its name, which the sender chose."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PCM = (
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_u8,pcm_s8,"
    "pcm_alaw,pcm_mulaw"
)
_AMR, _MPEG = "amrnb,amrwb", "mp3,mp3float,mp2,mp2float"
_PICTURES = ",mjpeg,png,gif,bmp,webp,h264,hevc,vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,mpeg4,h263"
"""Cover art and films of telephones: ffmpeg opens their decoder to look at the file, nothing of them is decoded."""
ID3_HEADER_BYTES = 10
_SIZE_UNKNOWN = 0x7FFF_0000
_ASF_GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES, _ASF_SIZE_AT = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 40
"""The object that holds the file's size, and where in it."""
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 22
_MARKUP = re.compile(rb"%PDF-|<(?:!doctype|html|script|svg|mpd|\?php)[\s>]", re.I)


@dataclass(frozen=True, slots=True)
class Container:
    """The one demuxer a file is read with.

    names: the same demuxer under every name that ffmpeg gives it. codecs: those that are read in it.
    """

    demuxer: str
    codecs: str
    names: str


def _container(demuxer: str, codecs: str, names: str = "") -> Container:
    return Container(demuxer, codecs, names or demuxer)


_WAV = _container("wav", f"{_PCM},adpcm_ms,adpcm_ima_wav,gsm_ms,libgsm_ms,{_MPEG}")
_AIFF = _container("aiff", f"{_PCM},adpcm_ima_qt,gsm,libgsm")
_AU = _container("au", _PCM)
_CAF = _container("caf", f"{_PCM},alac,aac,opus,libopus,mp3,mp3float,adpcm_ima_qt,flac")
_FLAC = _container("flac", "flac" + _PICTURES)
_OGG = _container("ogg", "opus,libopus,vorbis,libvorbis,flac,speex,libspeex" + _PICTURES)
_MP3 = _container("mp3", _MPEG + _PICTURES)
_AAC = _container("aac", "aac")
_AMR_FILE = _container("amr", _AMR)
_ASF = _container("asf", "wmav1,wmav2,wmapro,wmavoice,wmalossless" + _PICTURES)
_MATROSKA = _container(
    "matroska", f"opus,libopus,vorbis,libvorbis,aac,flac,alac,{_MPEG},{_PCM}" + _PICTURES, "matroska,webm"
)
_MOV = _container(
    "mov", f"aac,alac,{_MPEG},opus,libopus,flac,{_PCM},adpcm_ima_qt,{_AMR}" + _PICTURES, "mov,mp4,m4a,3gp,3g2,mj2"
)
_BY_MAGIC = {
    b"OggS": _OGG,
    b"fLaC": _FLAC,
    b"\x1aE\xdf\xa3": _MATROSKA,
    b"caff": _CAF,
    b".snd": _AU,
    b"#!AMR\n": _AMR_FILE,
    b"#!AMR-WB\n": _AMR_FILE,
    _ASF_GUID: _ASF,
}
_MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def container_of(head: bytes, after_tag: bytes = b"") -> Container | None:
    """The container that begins with `head` (64 bytes are enough), or None. Text, and so any playlist, is None.

    after_tag: what follows the ID3 tag that `head` begins with, as `tag_bytes` says.
    """
    if head[:3] == b"ID3":
        return _tagged(after_tag) if len(head) >= ID3_HEADER_BYTES else None
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _WAV
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    if head[4:8] in _MOV_BOXES and int.from_bytes(head[:4], "big") not in range(2, 8):
        return _MOV
    by_magic = next((container for magic, container in _BY_MAGIC.items() if head.startswith(magic)), None)
    return by_magic or _stream(head)


def _tagged(after_tag: bytes) -> Container:
    """What a tag may be put before; an mp3 where that does not tell, since mp3 files are what tags were made for."""
    flac = _FLAC if after_tag[:4] == b"fLaC" else None
    return flac or _stream(after_tag) or _MP3


def tag_bytes(head: bytes) -> int:
    """How long the ID3 tag is that `head` begins with; 0 when there is none."""
    if head[:3] != b"ID3" or len(head) < ID3_HEADER_BYTES:
        return 0
    footer = ID3_HEADER_BYTES if head[5] & 0x10 else 0
    sevens = [byte & 0x7F for byte in head[6:10]]
    return ID3_HEADER_BYTES + footer + (sevens[0] << 21 | sevens[1] << 14 | sevens[2] << 7 | sevens[3])


def _stream(head: bytes) -> Container | None:
    """A bare stream of frames, mp3 or ADTS, perhaps after some nought bytes."""
    frames = head.lstrip(b"\0")
    if len(frames) < 4 or frames[0] != 0xFF:
        return None
    if frames[1] & 0xF6 == 0xF0 and frames[2] >> 2 & 15 < 13:
        return _AAC
    return _MP3 if _is_mpeg_frame(frames) else None


def _is_mpeg_frame(head: bytes) -> bool:
    """Eleven sync bits, a known version, layer II or III, a bit rate and a sampling rate that exist (ISO 11172-3)."""
    if head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and bit_rate not in (0, 15) and rate != 3


def announced_bytes(head: bytes) -> int:
    """How long a wav, aiff or wma file says it is (ffmpeg does not compare); 0 when it does not, as one from a pipe."""
    if head.startswith(_ASF_GUID):
        at = head.find(_ASF_PROPERTIES)
        size = int.from_bytes(head[at + _ASF_SIZE_AT : at + _ASF_SIZE_AT + 8], "little") if at > 0 else 0
        return size if size < _SIZE_UNKNOWN else 0
    if head[:4] not in (b"RIFF", b"FORM"):
        return 0
    size = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
    return size + 8 if size < _SIZE_UNKNOWN else 0


def second_nature(head: bytes, tail: bytes) -> str:
    """What else a file is, that begins with `head` and ends with `tail`: archive_too, page_too or "" for nothing."""
    end = tail.rfind(_ZIP_END)
    if end >= 0 and end + _ZIP_END_BYTES + int.from_bytes(tail[end + 20 : end + 22], "little") == len(tail):
        return "archive_too"
    return "page_too" if _MARKUP.search(head) else ""


def looks_like_text(head: bytes) -> bool:
    """True when `head` is what people call text: no control bytes but line ends and tabs."""
    return bool(head) and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head) and _is_utf8(head)


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut by the end of what was read
    return True
