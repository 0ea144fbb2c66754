"""The running Asterisk: how it is started, whether it is up, and what it says on its control socket."""

from __future__ import annotations

import os
import subprocess
import time

from ivr.adapters.pbx import programs, render
from ivr.errors import NotReady
from ivr.settings import Settings

_POLL_S = 0.05
_CLI_LIMIT_S = 10.0
_NOT_THERE = "Unable to connect to remote asterisk"


def command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """What a supervisor starts to have Asterisk in the foreground: command line, and what to add to its environment.

    `render.render` must have been called.
    """
    asterisk = programs.find("asterisk", settings.cache_dir)
    return asterisk.argv("-f", "-C", str(render.config_file(settings))), asterisk.env()


def cli(settings: Settings, line: str, timeout_s: float = _CLI_LIMIT_S) -> str:
    """What Asterisk answers to one line on its console. Raises NotReady when it does not answer in time."""
    asterisk = programs.find("asterisk", settings.cache_dir)
    try:
        told = subprocess.run(
            asterisk.argv("-C", str(render.config_file(settings)), "-rx", line),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | asterisk.env(),
        )
    except subprocess.TimeoutExpired:
        raise NotReady("Asterisk does not answer on its control socket: `ivr status` shows its state") from None
    if told.returncode != 0 or _NOT_THERE in told.stdout + told.stderr:
        raise NotReady("Asterisk is not up: `ivr status` shows its state, var/log/asterisk.log why")
    return told.stdout


def uniqueids(settings: Settings) -> set[str]:
    """The unique ids of all channels that live in Asterisk now. Raises NotReady when it does not answer."""
    lines = cli(settings, "core show channels concise").splitlines()
    return {line.rpartition("!")[2] for line in lines if "!" in line}


def is_up(settings: Settings) -> bool:
    """True when Asterisk answers on its control socket."""
    try:
        cli(settings, "core show uptime seconds")
    except NotReady:
        return False
    return True


def wait_booted(settings: Settings, timeout_s: float = 30.0) -> None:
    """Asterisk has booted fully afterwards. Raises NotReady when it has not within `timeout_s`."""
    limit = time.monotonic() + timeout_s
    while True:
        left_s = limit - time.monotonic()
        try:
            if "fully booted" in cli(settings, "core waitfullybooted", max(left_s, _POLL_S)):
                return
        except NotReady:
            if left_s <= 0:
                raise NotReady(f"Asterisk was not up after {timeout_s:g} s: var/log/asterisk.log says why") from None
        time.sleep(_POLL_S)
