"""Files that somebody might send to read what is not theirs, to stop the machine, or to get a foot in it.

Each is `name: (content, what the refusal says)`. `canary` is a recording of somebody else on this machine, `url` a
server on loopback: neither may be touched.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

Hostile = dict[str, tuple[bytes, str]]
Seeds = dict[str, bytes]

PADDING = b"\n" + b"#" * 400
NOT_A_RECORDING = "not a recording, whatever its name says"
DAMAGED = "damaged or incomplete"


def texts(canary: Path, url: str) -> dict[str, bytes]:
    """Lists of other files, in every language that a player knows."""
    name, path = canary.name, str(canary)
    segment = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n"
    return {
        "m3u": f"#EXTM3U\n{path}\n".encode(),
        "hls": segment.encode(),
        "hls over http": segment.replace(path, url).encode(),
        "hls with a key": segment.replace("#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF').encode(),
        "hls master": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}/a.m3u8\n".encode(),
        "concat": f"ffconcat version 1.0\nfile '{name}'\n".encode(),
        "concat absolute": f"ffconcat version 1.0\nfile '{path}'\n".encode(),
        "concat of a protocol": f"ffconcat version 1.0\nfile 'subfile,,start,0,end,99,,:{path}'\n".encode(),
        "dash": f'<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>\n'.encode(),
        "pls": f"[playlist]\nFile1={path}\nNumberOfEntries=1\n".encode(),
        "asx": f'<asx version="3.0"><entry><ref href="{path}"/></entry></asx>\n'.encode(),
        "xspf": f"<playlist><trackList><track><location>file://{path}</location></track></trackList></playlist>".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 8\n",
        "metadata": b";FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1\n",
        "script": b"#!/bin/sh\ntouch /tmp/pwned\n",
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode(),
    }


def disguises(text: bytes) -> dict[str, tuple[bytes, str]]:
    """The same list under what looks like the beginning of a recording."""
    padded = text + PADDING
    return {
        "plain": (padded, NOT_A_RECORDING),
        "after a mark": (b"\xef\xbb\xbf" + padded, NOT_A_RECORDING),
        "after spaces": (b" \r\n\t" + padded, NOT_A_RECORDING),
        "in sixteen bits": (padded.decode().encode("utf-16"), NOT_A_RECORDING),
        "after noughts": (bytes(64) + padded, NOT_A_RECORDING),
        "after a tag": (b"ID3\x04\0\0\0\0\0\0" + padded, f"({DAMAGED}|at once)"),
        "as amr": (b"#!AMR\n" + padded, NOT_A_RECORDING),
        "as riff": (b"RIFF" + struct.pack("<I", len(padded) + 4) + b"WAVE" + padded, f"({DAMAGED}|at once)"),
        "as ogg": (b"OggS\0\2" + padded, f"({DAMAGED}|at once)"),
    }


def lists(canary: Path, url: str) -> Hostile:
    """Every list in its plain form, two of them in every disguise."""
    plain = texts(canary, url)
    made: Hostile = {f"{kind}.mp3": (text + PADDING, NOT_A_RECORDING) for kind, text in plain.items()}
    for kind in ("hls", "concat absolute", "dash"):
        made |= {f"{kind} {how}.wav": case for how, case in disguises(plain[kind]).items()}
    return made


def other_things(seeds: Seeds) -> Hostile:
    """What is no recording, or not only one."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(20_000_000))
    picture = b"\x89PNG\r\n\x1a\n" + bytes(200)
    page = b"<html><script>alert(1)</script></html>"
    return {
        "bomb.zip.wav": (zipped.getvalue(), NOT_A_RECORDING),
        "bomb.gz.mp3": (gzip.compress(bytes(20_000_000)), NOT_A_RECORDING),
        "picture with sound.mp3": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(500) + seeds["mp3"], NOT_A_RECORDING),
        "picture with sound.wav": (picture + seeds["wav"], NOT_A_RECORDING),
        "gif with sound.mp3": (b"GIF89a" + bytes(200) + seeds["mp3"], NOT_A_RECORDING),
        "program.wav": (b"\x7fELF\x02\x01\x01" + bytes(4000), NOT_A_RECORDING),
        "windows program.wav": (b"MZ" + bytes(4000), NOT_A_RECORDING),
        "paper.mp3": (b"%PDF-1.7\n" + bytes(4000), NOT_A_RECORDING),
        "noughts.wav": (bytes(100_000), NOT_A_RECORDING),
        "wav and archive.wav": (seeds["wav"] + zipped.getvalue(), "an archive at once"),
        "mp3 and archive.mp3": (seeds["mp3"] + zipped.getvalue(), "an archive at once"),
        "flac and page.flac": (
            seeds["flac"][:4] + flac_block(4, page) + seeds["flac"][4:],
            "a page or a program at once",
        ),
        "tag and page.mp3": (id3(b"TXXX", b"\0" + page) + seeds["mp3"], "a page or a program at once"),
        "tag and paper.mp3": (id3(b"TXXX", b"\0%PDF-1.7") + seeds["mp3"], "a page or a program at once"),
    }


def flac_block(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(3, "big") + content


def flac_of(flac: bytes, samples: bytes, times: int) -> bytes:
    """The stream of `flac`, `times` over, whose header says that it has `samples` (36 bits, the first 4 left out)."""
    at, last = 4, False
    while not last:
        last, at = bool(flac[at] & 0x80), at + 4 + int.from_bytes(flac[at + 1 : at + 4], "big")
    head = bytearray(flac[:at])
    head[21:26] = bytes([head[21] & 0xF0 | samples[0]]) + samples[1:]
    return bytes(head) + flac[at:] * times


def id3(frame: bytes, content: bytes, flags: bytes = b"\0\0") -> bytes:
    """An ID3v2.4 tag with one frame."""
    body = frame + sevens(len(content)) + flags + content
    return b"ID3\x04\0\0" + sevens(len(body)) + body


def sevens(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def wav(rate_hz: int = 8000, channels: int = 1, bits: int = 16, data: bytes = bytes(16_000), kind: int = 1) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels & 0xFFFF, rate_hz, rate_hz * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def impossible(seeds: Seeds) -> Hostile:
    """Headers that say what cannot be."""
    refused = "(samples per second|channels|damaged or incomplete|lasts more than|0 s|codec)"
    return {
        "one sample a second.wav": (wav(rate_hz=1), refused),
        "four billion samples a second.wav": (wav(rate_hz=0xFFFFFFFF), refused),
        "no samples a second.wav": (wav(rate_hz=0), refused),
        "65535 channels.wav": (wav(channels=65535), refused),
        "no channel.wav": (wav(channels=0), refused),
        "no bits.wav": (wav(bits=0), refused),
        "a codec that is not accepted.wav": (wav(kind=0x0270), refused),
        "nothing in it.wav": (wav(data=b""), refused),
        "half of it.flac": (seeds["flac"][: len(seeds["flac"]) // 2], "cut short"),
        "half of it.m4a": (seeds["m4a"][: len(seeds["m4a"]) // 2], DAMAGED),
        "half of it.wav": (seeds["wav"][: len(seeds["wav"]) // 2], "cut short"),
        **{
            f"only the beginning of a file.{kind}": (
                content[:size],
                r"(damaged|cut short|0 s|no sound|not a recording)",
            )
            for kind, content in seeds.items()
            for size in (12, 40)
        },
    }


def bombs(seeds: Seeds) -> Hostile:
    """Small files that want to become large ones."""
    swollen = zlib.compress(bytes(200_000_000), 9)
    compressed = struct.pack(">I", 0) + sevens(200_000_000 & 0x0FFFFFFF) + swollen
    moov = box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", struct.pack(">I", 0x7FFFFFFF), swollen)))
    deep = b""
    for _ in range(20_000):
        deep = struct.pack(">I4s", len(deep) + 8, b"moov") + deep if len(deep) < 160_000 else deep
    table = struct.pack(">II", 0, 0xFFFFFFFF)
    return {
        "swollen header.mov": (box(b"ftyp", b"qt  " + bytes(8)) + moov, DAMAGED),
        "boxes in boxes.mp4": (box(b"ftyp", b"isom" + bytes(8)) + deep, f"({DAMAGED}|no sound)"),
        "endless table.mp4": (
            seeds["m4a"].replace(b"stts\0\0\0\0\0\0\0", b"stts" + table[:7], 1),
            f"({DAMAGED}|0 s|cut short)",
        ),
        "swollen tag.mp3": (id3(b"APIC", compressed, b"\0\x09") + bytes(2000), DAMAGED),
    }


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def outside(seeds: Seeds, canary: Path) -> Hostile:
    """Films whose sound is said to be in another file: in `canary`."""
    path = str(canary).encode()
    url = box(b"url ", bytes(4), b"file://" + path + b"\0")
    alias = bytes(4) + bytes(6) + struct.pack(">H", 200) + struct.pack(">H", 2) + bytes(200)
    alias += struct.pack(">HH", 2, len(path)) + path + bytes(len(path) % 2) + struct.pack(">HH", 0xFFFF, 0)
    reference = box(b"rmra", box(b"rmda", box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(path)), path)))
    kind = box(b"ftyp", b"qt  " + bytes(8))
    return {
        "sound elsewhere.m4a": (with_reference(seeds["m4a"], url), f"({DAMAGED}|0 s|cut short|no sound)"),
        "sound by alias.mov": (
            with_reference(seeds["m4a"], box(b"alis", alias)),
            f"({DAMAGED}|0 s|cut short|no sound)",
        ),
        "a film that names a film.mov": (kind + box(b"moov", reference), f"({DAMAGED}|no sound)"),
    }


def with_reference(m4a: bytes, reference: bytes) -> bytes:
    """The film with `reference` in place of "in this file", and its own sound wiped out."""
    start = m4a.index(b"mdat") + 4
    wiped = m4a[:start] + bytes(int.from_bytes(m4a[start - 8 : start - 4], "big") - 8)
    whole = wiped + m4a[len(wiped) :]
    return _replaced(whole, (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"), reference)


def _replaced(content: bytes, path: tuple[bytes, ...], reference: bytes) -> bytes:
    """`content`, boxes in a row, with the one at `path` holding `reference` alone."""
    out, at = b"", 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + size]
        if kind == path[0]:
            body = body[:8] + reference if len(path) == 1 else _replaced(body, path[1:], reference)
        out += box(kind, body)
        at += size
    return out
