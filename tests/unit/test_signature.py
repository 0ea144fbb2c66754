from __future__ import annotations

import pytest

from ivr.adapters.sound.signature import announced_bytes, container_of, looks_like_text, second_nature, tag_bytes


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"BW64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"OggS\x00\x02", "ogg"),
        (b"fLaC\x00\x00", "flac"),
        (b"\x1aE\xdf\xa3\x9fB", "matroska"),
        (b"\x00\x00\x00\x20ftypM4A ", "mov"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "mp3"),
        (b"\xff\xfb\x90\x64\x00", "mp3"),
        (bytes(500) + b"\xff\xfb\x90\x64\x00", "mp3"),
        (b"\xff\xfd\x90\x64\x00", "mp3"),
        (b"\xff\xf1\x50\x80\x00", "aac"),
        (b"FORM\x00\x00\x00\x00AIFFCOMM", "aiff"),
        (b"FORM\x00\x00\x00\x00AIFCFVER", "aiff"),
        (b"#!AMR\n\x3c", "amr"),
        (b"#!AMR-WB\n\x44", "amr"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "asf"),
        (b"caff\x00\x01", "caf"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "mov"),
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
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"%PDF-1.7\n",
        b"\xff\xf1\x7c\x80",
        b"FORM\x00\x00\x00\x00ILBM",
        bytes(64),
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


@pytest.mark.parametrize(
    ("after", "demuxer"),
    [
        (b"fLaC", "flac"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\0\0\xff\xfb\x90\x64", "mp3"),
        (b"", "mp3"),
    ],
)
def test_what_follows_a_tag_tells_what_it_is(after: bytes, demuxer: str) -> None:
    container = container_of(b"ID3\x04\0\0\0\0\x02\x01", after)
    assert container is not None
    assert container.demuxer == demuxer


def test_the_length_of_a_tag_is_of_seven_bits_a_byte() -> None:
    assert tag_bytes(b"ID3\x04\0\0\0\0\x02\x01") == 10 + 257
    assert tag_bytes(b"ID3\x04\0\x10\0\0\x02\x01") == 20 + 257
    assert tag_bytes(b"ID3\x04") == tag_bytes(b"OggS\0\0\0\0\0\0\0") == 0


def test_both_kinds_of_riff_announce_their_length() -> None:
    assert announced_bytes(b"RIFF\x10\0\0\0WAVE") == announced_bytes(b"FORM\0\0\0\x10AIFF") == 24
    assert announced_bytes(b"RIFF\xff\xff\xff\xffWAVE") == announced_bytes(b"RF64\x10\0\0\0WAVE") == 0


def test_what_is_two_things_at_once_is_known() -> None:
    end_of_zip = b"PK\x05\x06" + bytes(16)
    assert second_nature(b"RIFF", b"sound" + end_of_zip + b"\0\0") == "archive_too"
    assert second_nature(b"RIFF", b"sound" + end_of_zip + b"\3\0abc") == "archive_too"
    assert second_nature(b"RIFF", b"sound" + end_of_zip + b"\3\0abcd") == ""
    assert second_nature(b"ID3 <ScRipt >", b"") == second_nature(b"RIFF %PDF-1.4", b"") == "page_too"
    assert second_nature(b"RIFF <?xml version='1.0'?><BWFXML>", b"") == ""  # field recorders write that
