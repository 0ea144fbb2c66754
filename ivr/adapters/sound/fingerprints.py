"""The SHA-256 of every file of a rendering: what was approved is what is played."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ivr.adapters.sound.rendering import FORMATS
from ivr.errors import NotFound, Permanent


def fingerprints(sound: str, folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of the rendering, by its extension. Raises NotFound when one is missing."""
    found = {}
    for extension in sorted(FORMATS):
        file = folder / f"{sound}.{extension}"
        try:
            found[extension] = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError:
            raise NotFound(f"{file} is missing: add its recording again with `ivr message add`") from None
    return found


def verify_fingerprints(sound: str, folder: Path, approved: Mapping[str, str]) -> None:
    """Every file that was there when the message was added is still the same. Raises NotFound or Permanent."""
    now = fingerprints(sound, folder) if approved else {}
    for extension, digest in approved.items():
        if now.get(extension, digest) != digest:
            raise Permanent(f"{folder / sound}.{extension} is not what was added: add its recording again")
