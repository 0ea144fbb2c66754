from __future__ import annotations

import pytest

from ivr.adapters.sound.signature import container_of, looks_like_text


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"OggS\x00\x02", "ogg"),
        (b"fLaC\x00\x00", "flac"),
        (b"\x1aE\xdf\xa3\x9fB", "matroska"),
        (b"\x00\x00\x00\x20ftypM4A ", "mov"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "mp3"),
        (b"\xff\xfb\x90\x64\x00", "mp3"),
    ],
)
def test_each_container_is_known_by_its_first_bytes(head: bytes, demuxer: str) -> None:
    container = container_of(head)
    assert container is not None
    assert container.demuxer == demuxer


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"#EXTM3U\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile other.mp3\n",
        b"<?xml version='1.0'?><MPD/>",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"\xff\xfe\x00\x00UTF-16",
        b"\xff\xff\xff\xff\xff",
        b"ID3",
        b"PK\x03\x04",
        b"\x7fELF",
    ],
)
def test_nothing_else_is_a_recording(head: bytes) -> None:
    assert container_of(head) is None


def test_text_is_told_from_binary() -> None:
    assert looks_like_text("Un texte accentué\n".encode())
    assert looks_like_text(("x" * 4095 + "é").encode()[:4096])
    assert not looks_like_text(b"\x00\x01\x02")
    assert not looks_like_text(b"\xff\xfe\xfd\xfc plain")
    assert not looks_like_text(b"")
