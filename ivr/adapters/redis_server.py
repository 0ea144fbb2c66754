"""The Redis of one installation: on a socket only, with an append-only file, forgetting nothing."""

from __future__ import annotations

from ivr.adapters.pbx import programs
from ivr.settings import Settings


def command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """What is started to have it in the foreground: command line, and what to add to its environment.

    Its folder is there afterwards.
    """
    folder = settings.var_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    program = programs.find("redis-server", settings.cache_dir)
    options = {
        "--port": "0",
        "--unixsocket": str(settings.run_dir / "redis.sock"),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--hz": "1",  # its housekeeping: ten times a second cost more CPU than all of a slow campaign's commands
    }
    return program.argv(*[part for option in options.items() for part in option]), program.env()
