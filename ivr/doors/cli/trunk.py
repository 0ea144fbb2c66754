"""`ivr trunk` and `ivr pbx`: the limits, how near the calls are to them, and changing them while everything runs."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from ivr.adapters.pbx import sip_capture
from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules.records import Allotted, Override, PbxBeat
from ivr.usecases import limits, troubles
from ivr.usecases.campaigns import now_ms


@click.group()
def trunk() -> None:
    """The carriers: limits, calls on the line, worst second; change limits without a restart."""


@trunk.command("list")
@click.pass_context
def list_trunks(context: click.Context) -> None:
    """Show each trunk with its limits, then what each PBX has of them."""
    settings = settings_of(context)
    table = Table(box=None, header_style="bold")
    for column in ("trunk", "host", "PBX", "calls/s", "channels", "live", "breaker", "worst second", "limits by"):
        table.add_column(column)
    with store_of(settings) as store:
        told = {(one.pbx, one.trunk): str(one) for one in troubles.now(store, settings)}
        for state in limits.trunks(store, settings):
            live = sum(part.live for part in state.parts)
            total = (f"{state.rate_cps:g}", str(state.channels), str(live), "", _worst(state.worst))
            table.add_row(escape(state.name), escape(state.host), "all", *total, _by(state.override))
            for part in state.parts:
                figures = (f"{part.rate_cps:g}", str(part.channels), str(part.live))
                breaker = escape(told.get((part.pbx, state.name), part.breaker))
                table.add_row("", "", part.pbx, *figures, breaker, _worst(part), "")
    console.print(table)


@trunk.command("set")
@click.argument("name")
@click.option("--rate", type=float, help="Calls started in any rolling second, at most, by all PBXs together.")
@click.option("--channels", type=int, help="Calls at once, at most; 0 lets no call out.")
@click.option("--as-settings", is_flag=True, help="The limits of the settings hold again.")
@click.pass_context
def set_trunk(context: click.Context, name: str, rate: float | None, channels: int | None, as_settings: bool) -> None:
    """Change a trunk's limits, within a second, without a restart."""
    settings = settings_of(context)
    with store_of(settings) as store:
        if as_settings:
            limits.as_settings(store, f"trunk:{name}")
        else:
            limits.set_trunk(store, settings, name, rate, channels)
        for state in limits.trunks(store, settings):
            if state.name == name:
                say(f"{name}: {state.rate_cps:g} calls/s, {state.channels} channels ({_by(state.override)})")


@click.group()
def pbx() -> None:
    """The Asterisks: whether each lives, its channels and calls; change its channels without a restart."""


@pbx.command("list")
@click.pass_context
def list_pbxs(context: click.Context) -> None:
    """Show each PBX with its channels and its last beat."""
    settings = settings_of(context)
    table = Table(box=None, header_style="bold")
    for column in ("PBX", "state", "channels", "live", "last beat", "channels by"):
        table.add_column(column)
    with store_of(settings) as store:
        for state in limits.pbxs(store, settings):
            beat = state.beat
            row = (
                _how(beat),
                str(state.channels),
                str(beat.live if beat else 0),
                _when(beat.beat_at_ms) if beat else "",
            )
            table.add_row(state.name, *row, _by(state.override))
    console.print(table)


@pbx.command("set")
@click.argument("name")
@click.option("--channels", type=int, help="Calls at once on this Asterisk, at most; 0 lets no call out.")
@click.option("--as-settings", is_flag=True, help="The channels of its settings hold again.")
@click.pass_context
def set_pbx(context: click.Context, name: str, channels: int | None, as_settings: bool) -> None:
    """Change a PBX's channels, within a second, without a restart."""
    settings = settings_of(context)
    with store_of(settings) as store:
        if as_settings:
            limits.as_settings(store, f"pbx:{name}")
        else:
            limits.set_pbx(store, settings, name, channels)
    say(f"{name}: channels as in its settings" if as_settings else f"{name}: {channels} channels")


@pbx.command()
@click.option("--seconds", type=click.FloatRange(1, 600), default=60.0, show_default=True, help="How long.")
@click.option("--off", is_flag=True, help="End a capture whose terminal is gone.")
@click.option("--delete", is_flag=True, help="Delete the last capture.")
@click.pass_context
def capture(context: click.Context, seconds: float, off: bool, delete: bool) -> None:
    """Write down what this Asterisk and its carriers say to each other in SIP, for `ivr trace` and Wireshark.

    Calls go on. The capture holds whole numbers, no speech: it is for its owner only, replaces the one before, and ends
    by itself after 200 MB. Delete it when it has served.
    """
    settings = settings_of(context)
    if off:
        sip_capture.stop(settings)
    if delete:
        sip_capture.file(settings).unlink(missing_ok=True)
    if not (off or delete):
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("capturing SIP", total=seconds)
            path = sip_capture.capture(
                settings, seconds, lambda left_s: progress.update(task, completed=seconds - left_s)
            )
        click.echo(path)


def _how(beat: PbxBeat | None) -> str:
    if beat is None:
        return "never ran"
    if troubles.has_ended(beat):
        return "ended"
    if troubles.is_silent(beat, now_ms()):
        return "silent"
    return "ready" if beat.ready else "not ready"


def _worst(part: Allotted | None) -> str:
    return f"{part.worst_second} at {_when(part.worst_at_ms)}" if part and part.worst_second else ""


def _when(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S}"


def _by(override: Override | None) -> str:
    return f"{override.changed_by}, {_when(override.changed_at_ms)}" if override else "settings"
