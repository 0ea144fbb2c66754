"""Signatures (Ed25519, by cryptography): an archive whose every byte is covered, to be checked on any machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ivr.adapters.files import kept_secret
from ivr.errors import Permanent

MARK = b"portevoix-evidence/1 "
_KEY, _SIGNATURE = 64, 128
COMMENT = len(MARK) + _KEY + 1 + _SIGNATURE
"""The archive ends with a comment of this length: the mark, the public key, a blank, the signature, in hex."""
_STAMP = (1980, 1, 1, 0, 0, 0)


class NotWhole(Permanent):
    """The archive is not what was signed."""

    exit_code = 1


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The installation's key, made at first use, readable by its owner alone."""
    made = kept_secret(path, lambda: Ed25519PrivateKey.generate().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(made)


def public_hex(key: Ed25519PrivateKey) -> str:
    """What others check signatures with."""
    return key.public_key().public_bytes_raw().hex()


def signature(key: Ed25519PrivateKey, data: bytes) -> str:
    """The signature of those bytes, in hex."""
    return key.sign(data).hex()


def is_signed(data: bytes, signature_hex: str, key_hex: str) -> bool:
    """Whether that is the signature of those bytes by that public key."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key_hex)).verify(bytes.fromhex(signature_hex), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_zip(key: Ed25519PrivateKey, files: Mapping[str, bytes]) -> bytes:
    """A ZIP of those files; its comment is the signature of all the bytes before it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _STAMP), files[name], zipfile.ZIP_DEFLATED)
        archive.comment = b"0" * COMMENT
    body = buffer.getvalue()[:-COMMENT]
    return body + MARK + public_hex(key).encode() + b" " + signature(key, MARK + body).encode()


def opened(data: bytes, known_key: str = "") -> tuple[dict[str, bytes], str]:
    """The files in a signed ZIP, and the public key that signed it; NotWhole when a byte was changed.

    known_key: the only one that is believed; "" believes the one in the archive, which whoever made it chose.
    """
    body, comment = data[:-COMMENT], data[-COMMENT:]
    key_hex, blank, signature_hex = comment[len(MARK) :].partition(b" ")
    if not comment.startswith(MARK) or not blank or comment != comment.lower():
        raise NotWhole("it carries no signature, or its end was changed")
    if known_key and known_key.strip().lower().encode() != key_hex:
        raise NotWhole("it was signed by another key than the one that is known")
    if not is_signed(MARK + body, signature_hex.decode("latin-1"), key_hex.decode("latin-1")):
        raise NotWhole("a byte of it was changed since it was signed")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if twice := [name for name in names if names.count(name) > 1]:
            raise NotWhole(f"it holds {twice[0]} twice")
        return {info.filename: archive.read(info) for info in archive.infolist()}, key_hex.decode()
