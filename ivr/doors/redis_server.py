"""The process `redis`: the installation's own Redis, for containers and systemd."""

from __future__ import annotations

from ivr.settings import Settings
from ivr.usecases import becoming


def run(settings: Settings) -> None:
    """Becomes Redis."""
    becoming.redis(settings)
