"""The process `asterisk`: the PBX itself, for containers and systemd; `ivr up` starts it without a detour."""

from __future__ import annotations

from ivr.settings import Settings
from ivr.usecases import becoming


def run(settings: Settings) -> None:
    """Writes Asterisk's configuration and becomes Asterisk."""
    becoming.asterisk(settings)
