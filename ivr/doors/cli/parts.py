"""What commands need: the settings of this call, and the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from ivr.adapters.store import Store
from ivr.errors import NotReady
from ivr.rules.records import Halt
from ivr.settings import Settings, load
from ivr.usecases import migrating

console = Console(highlight=False)


def settings_of(context: click.Context) -> Settings:
    """The settings that `ivr --config` names."""
    config: Path | None = context.find_root().obj
    return load(config)


@contextmanager
def store_of(settings: Settings) -> Iterator[Store]:
    """The store, its tables made or brought to this version if it is new."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings)
    try:
        migrating.bring_up_to_date(store.database, settings)
        yield store
    finally:
        store.close()


def require_up(settings: Settings) -> None:
    """Returns if the installation runs; NotReady with what to do if not."""
    from ivr.usecases.health import is_controlled

    if not is_controlled(settings):
        raise NotReady("Portevoix is not up here; `ivr up` starts it")


def halt_line(halt: Halt) -> str:
    """Since when, by whom and why nothing is called, in the time of this machine."""
    since = datetime.fromtimestamp(halt.since_ms / 1000).astimezone()
    why = f": {halt.reason}" if halt.reason else ", no reason given"
    return f"installation halted since {since:%Y-%m-%d %H:%M:%S} by {halt.by}{why}"


def say(text: str) -> None:
    """One line of progress on stderr: stdout is for results."""
    click.echo(text, err=True)
