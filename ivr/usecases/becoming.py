"""A process that becomes Asterisk or Redis: what containers and systemd start in the place of `ivr up`."""

from __future__ import annotations

import os

from ivr.adapters import redis_server
from ivr.adapters.pbx import instance, render
from ivr.adapters.pbx.secret import ami_secret
from ivr.settings import Settings
from ivr.usecases.folders import own_folder


def asterisk(settings: Settings) -> None:
    """This process is Asterisk from now on, with the configuration that these settings make.

    Raises BadSetting when one of its ports is not chosen: nobody but `ivr up` looks for a free one.
    """
    own_folder(settings.run_dir)
    render.render(settings, ami_secret(settings))
    _become(*instance.command(settings))


def redis(settings: Settings) -> None:
    """This process is the installation's own Redis from now on."""
    own_folder(settings.run_dir)
    _become(*redis_server.command(settings))


def _become(command: list[str], more: dict[str, str]) -> None:
    os.execve(command[0], command, os.environ | more)  # noqa: S606 - a list, no shell
