"""`ivr plan`: what a campaign of that size needs, and when it would be done."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import click
from rich.table import Table

from ivr.doors.cli.parts import console
from ivr.rules.capacity import USABLE, Limits, Node, Plan, Tariff, Workload, plan
from ivr.usecases.planning import measured_node

_UNITS_S = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|h|m|s)")


class Duration(click.ParamType):
    """A time with its unit, in seconds: 5h, 1h30m, 55s, 1.5m."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Seconds; fails for anything without a unit, which would be a guess."""
        if isinstance(value, float):
            return value
        text = str(value).replace(" ", "")
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            self.fail(f"{value!r} is no time; examples are 5h, 1h30m, 55s", param, context)
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


DURATION = Duration()
SHARE = click.FloatRange(0, 1)


@click.command("plan")
@click.option("--contacts", type=click.IntRange(1), required=True, help="People to call.")
@click.option("--window", "window_s", type=DURATION, required=True, help="Time in which all must be done: 5h.")
@click.option("--message", "message_s", type=DURATION, required=True, help="Length of the message: 55s.")
@click.option("--notice", "notice_s", type=DURATION, default="15s", show_default=True, help="Length of the notice.")
@click.option("--preroll", "preroll_s", type=DURATION, default="8s", show_default=True, help="Length of the pre-roll.")
@click.option("--grace", "grace_s", type=DURATION, default="3s", show_default=True, help="Time for a key afterwards.")
@click.option("--ring", "ring_s", type=DURATION, default="15s", show_default=True, help="Mean ringing of an attempt.")
@click.option("--answer-rate", type=SHARE, default=0.4, show_default=True, help="Answered / attempts.")
@click.option("--listen-rate", type=SHARE, default=0.8, show_default=True, help="Mean share of the message heard.")
@click.option("--tries", type=click.FloatRange(1, 20), default=1.0, show_default=True, help="Mean attempts per person.")
@click.option("--trunk-rate", "trunk_rate_cps", type=float, help="Calls per second that the trunks allow in all.")
@click.option("--channels", type=click.IntRange(1), help="Calls at once that the trunks allow in all.")
@click.option("--nodes", type=click.IntRange(1), help="PBX nodes there are; default: as many as are needed.")
@click.option("--blocking", type=float, default=0.01, show_default=True, help="Share of starts that may have to wait.")
@click.option("--cores", type=click.FloatRange(0.1), help="Cores of each node; default: those of the bench.")
@click.option("--node-channels", type=click.IntRange(1), help="Calls at once on each node; default: the bench's.")
@click.option("--price", "per_minute", type=click.FloatRange(0), default=0.0, help="Price of a minute, any currency.")
@click.option("--increment", "increment_s", type=DURATION, default="1s", show_default=True, help="Billed in steps of.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def plan_command(as_json: bool, cores: float | None, node_channels: int | None, **given: Any) -> None:
    """Calls per second, channels, PBX nodes, time and cost for so many contacts, with the formulas.

    What one node can do comes from the last `make bench` in this folder, else from shipped figures; which, is said.
    """
    node = _as_told(measured_node(), cores, node_channels)
    work, limits, tariff = (_made(kind, given) for kind in (Workload, Limits, Tariff))
    found = plan(work, limits, node, tariff)
    if as_json:
        told = {"work": work, "limits": limits, "tariff": tariff, "node": node, "plan": found}
        click.echo(json.dumps({name: dataclasses.asdict(part) for name, part in told.items()}, indent=2))
    else:
        _show(work, limits, node, tariff, found)


def _as_told(node: Node, cores: float | None, channels: int | None) -> Node:
    """The node with what the user knows better; its other figures stay as measured."""
    if cores:
        node = dataclasses.replace(node, cores=cores, source=f"{node.source}; told: {cores:g} cores")
    if channels:
        node = dataclasses.replace(node, channels=channels, source=f"{node.source}; told: {channels} channels")
    return node


def _made(kind: Any, given: dict[str, Any]) -> Any:
    return kind(**{name: value for name, value in given.items() if name in kind.__dataclass_fields__})


def _show(work: Workload, limits: Limits, node: Node, tariff: Tariff, found: Plan) -> None:
    table = Table("", "", "how", box=None, pad_edge=False, header_style="dim")
    for row in _rows(work, limits, node, tariff, found):
        table.add_row(*row)
    console.print(table)
    if found.fits:
        console.print("[green]It fits in the window.[/]")
    else:
        console.print(f"[red]It does not fit in the window[/]: {found.held_back_by} hold it back.")
    console.print(f"[dim]One node: {node.source}.[/]")


def _rows(work: Workload, limits: Limits, node: Node, tariff: Tariff, found: Plan) -> list[tuple[str, str, str]]:
    billed = f"{found.answered:,.0f} answered calls, in steps of {tariff.increment_s:g} s"
    rows = [
        ("answered call, mean", f"{found.talk_s:.1f} s", "pre-roll + listen rate × the rest"),
        ("attempt, mean", f"{found.hold_s:.1f} s", "ring + answer rate × answered call"),
        ("calls per second", f"{found.needed_rate_cps:,.2f}", f"attempts / (window − {work.tail_s:.0f} s)"),
        ("offered load", f"{found.offered_erlangs:,.0f} Erlang", "calls per second × attempt"),
        ("channels", f"{found.needed_channels:,}", f"Erlang B, {limits.blocking:g} of the starts find none"),
        ("PBX nodes", f"{found.needed_nodes:,}", _node_words(node, found)),
        ("done after", _clock(found.duration_s), f"at {found.rate_cps:,.2f} calls per second"),
        ("calls at once, mean", f"{found.live_calls:,.0f}", "at that rate"),
        ("billed minutes", f"{found.billed_minutes:,.0f}", billed),
    ]
    if tariff.per_minute:
        rows.append(("cost", f"{found.cost:,.2f}", f"× {tariff.per_minute:g} per minute"))
    return rows


def _node_words(node: Node, found: Plan) -> str:
    return f"each {found.node_rate_cps:.2f} calls/s ({USABLE:.0%} of its CPU), {node.channels:,} channels"


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
