"""The keys by which calls are signed for STIR/SHAKEN."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ivr.errors import BadSetting
from ivr.settings import Settings


def check(settings: Settings) -> None:
    """Every trunk that attests has a key that signs as ES256 and that nobody else can read, else BadSetting."""
    for name, trunk in settings.trunks.items():
        if trunk.attest:
            _check_key(f"setting trunks.{name}.attest_key", settings.file(trunk.attest_key))


def _check_key(setting: str, file: Path) -> None:
    if not file.is_file() or not os.access(file, os.R_OK):
        raise BadSetting(f"{setting}: {file} cannot be read; give the path of a PEM file")
    if file.stat().st_mode & 0o077:
        raise BadSetting(f"{setting}: {file} can be read by others, and Asterisk refuses it then; `chmod 600 {file}`")
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise BadSetting(f"{setting}: {file} holds no private key in PEM form without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadSetting(f"{setting}: {file} is no key of the curve P-256, which SHAKEN asks for")
