"""The text of a contacts file of unknown make: its encoding, and its lines in bounded memory.

Hides charset-normalizer.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TextIO

from charset_normalizer import from_bytes

from ivr.errors import ContactsRefused

SAMPLE_BYTES = 64 * 1024
LONGEST_LINE = 64 * 1024
"""Characters; a longer line is rejected without ever being held."""

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel or LibreOffice workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a compressed file"),
)
_ONE_BYTE = ["cp1252", "mac_roman", "cp850"]
_HEADER_LETTERS = frozenset("éèêçàôÉÈÊÀÔ°")
"""What French headers hold beside ASCII: Prénom, Téléphone, N°."""


class Lines:
    """The physical lines of a text, numbered from 1, in bounded memory; lines can be given back to be read again."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[tuple[int, str]] = deque()
        self._at = 0

    def take(self) -> tuple[int, str] | None:
        """The next line with its number, None at the end; of a line too long, its first LONGEST_LINE + 1 characters."""
        if self._again:
            return self._again.popleft()
        line = self._text.readline(LONGEST_LINE + 1)
        if not line:
            return None
        self._at += 1
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith("\n"):
            rest = self._text.readline(LONGEST_LINE + 1)
        return self._at, line

    def give_back(self, lines: Iterable[tuple[int, str]]) -> None:
        """These will be taken next, in this order."""
        self._again.extendleft(reversed(list(lines)))


def encoding_of(path: Path) -> str:
    """The encoding in which the file can be read as text, whatever wrote it.

    Raises ContactsRefused for what is missing, empty, not an ordinary file, not readable, or not text.
    """
    if not path.exists():
        raise ContactsRefused(f"contacts file {path} does not exist")
    if not path.is_file():
        raise ContactsRefused(f"{path} is not a file: give the CSV file itself")
    try:
        with path.open("rb") as file:
            return _encoding(path, file)
    except OSError as error:
        raise ContactsRefused(f"contacts file {path} cannot be read: {error.strerror}") from None


def _encoding(path: Path, file: BinaryIO) -> str:
    sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise ContactsRefused(f"contacts file {path} is empty")
    for magic, kind in _NOT_TEXT:
        if sample.startswith(magic):
            raise ContactsRefused(f"{path} is {kind}, not CSV: open it and save it as CSV")
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if name := _utf16_without_bom(sample):
        return name
    if sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in sample) > 3 + len(sample) // 100:
        raise ContactsRefused(f"{path} is not a text file: give a CSV file")
    file.seek(0)
    bad = _first_bad_utf8(file)
    return "utf-8" if bad is None else _guess(file, bad)


def _utf16_without_bom(sample: bytes) -> str:
    """Which of its two byte orders, if ASCII letters' zero bytes are all on one side; else ""."""
    nuls = sample.count(0)
    if nuls > len(sample) // 3:
        for name, zeros in (("utf-16-le", sample[1::2].count(0)), ("utf-16-be", sample[0::2].count(0))):
            if zeros > nuls * 9 // 10:
                return name
    return ""


def _first_bad_utf8(file: BinaryIO) -> int | None:
    """Where the whole file stops being UTF-8, in bytes within one block; None if it never does."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    while True:
        block = file.read(SAMPLE_BYTES)
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return max(position + error.start - 4, 0)
        if not block:
            return None
        position += len(block)


def _guess(file: BinaryIO, bad: int) -> str:
    """UTF-8 with damage in it, or the one-byte encoding that fits the header and what is around the first bad byte."""
    file.seek(0)
    header = file.readline(LONGEST_LINE)
    file.seek(max(bad - SAMPLE_BYTES // 2, 0))
    near = file.read(SAMPLE_BYTES)
    as_utf8 = near.decode("utf-8", errors="replace")
    damaged = as_utf8.count("\ufffd")
    if sum(c > "\x7f" for c in as_utf8) > 4 * damaged:
        return "utf-8"
    for name in _ONE_BYTE:
        letters = {c for c in header.decode(name, errors="replace") if c > "\x7f"}
        if letters and letters <= _HEADER_LETTERS:
            return name
    telling = b"\n".join(line for line in (header + near).splitlines() if any(byte > 127 for byte in line))
    best = from_bytes(telling, cp_isolation=_ONE_BYTE).best()
    return best.encoding if best else _ONE_BYTE[0]
