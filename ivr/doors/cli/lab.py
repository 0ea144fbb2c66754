"""`ivr lab`: the simulated carrier and electorate, and the comparison of a report with their truth."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from ivr.doors import carrier as carrier_process
from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.errors import BadSetting
from ivr.rules.electorate import MOST_PEOPLE
from ivr.rules.segments import Segment
from ivr.settings import Settings
from ivr.usecases import lab as use_case
from ivr.usecases import lab_check
from ivr.usecases.campaigns import trunk_of


@click.group()
def lab() -> None:
    """A simulated carrier and electorate on loopback, and the truth about a campaign.

    \b
    ivr lab people --count 300 --seed 1                    the list to import
    ivr lab people --count 300 --seed 1 --campaign spring  who does what when called
    ivr lab carrier                                        answer the calls (`ivr up` does with lab.enabled)
    ivr lab check spring                                   the report against the truth
    """


@lab.command()
@click.option("--count", type=click.IntRange(1, MOST_PEOPLE), default=300, show_default=True, help="People.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same people.")
@click.option("--campaign", help="Plan their behaviour by what this campaign plays to each.")
@click.option("--sound", "given", multiple=True, metavar="SEGMENT=HASH", help="Instead of a campaign; one per segment.")
@click.option(
    "--again",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of the people who do not answer their first calls: for a campaign with --retry.",
)
@click.option("--wait", is_flag=True, help="Return when the carrier serves these people.")
@click.pass_context
def people(context: click.Context, /, count: int, seed: int, again: float, **plan: Any) -> None:
    """Plan an electorate: contacts.csv to import, and with a campaign or sounds people.csv, what each does."""
    settings = settings_of(context)
    versions: dict[str, int] = {}
    if plan["campaign"]:
        versions = _drawn(settings, plan["campaign"], use_case.numbers(count, seed))
    elif plan["given"]:
        use_case.set_sounds(settings, dict(_sound(text) for text in plan["given"]))
    else:
        say(f"{count} numbers to import: {use_case.contacts(settings, count, seed)}")
        return
    use_case.plan(settings, count, seed, again, versions)
    say(f"{count} people are planned: {use_case.lab_dir(settings)}")
    if plan["wait"]:
        ports = use_case.wait_ready(settings)
        say(f"the simulated carrier answers on 127.0.0.1:{ports.sip}")


@lab.command()
@click.pass_context
def carrier(context: click.Context) -> None:
    """Be the carrier and the people, in the foreground; Ctrl-C ends it and writes truth.csv."""
    carrier_process.run(settings_of(context))


@lab.command()
@click.argument("campaign")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the comparison to this file, as JSON.")
@click.option("--limit-ms", type=click.IntRange(0), default=lab_check.LIMIT_MS, show_default=True, help="Tolerance.")
@click.pass_context
def check(context: click.Context, campaign: str, output: Path | None, limit_ms: int) -> None:
    """Compare a campaign's books with the truth, person by person. Exit code 1 when they differ."""
    settings = settings_of(context)
    with store_of(settings) as store:
        found = lab_check.check_campaign(store, settings, campaign, limit_ms)
    show(found)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(found.as_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if not found.ok:
        sys.exit(1)


def show(found: lab_check.Check) -> None:
    """The comparison is on the terminal: each figure with what it must be, then the greatest differences."""
    table = Table(box=None, header_style="bold")
    for column, side in (("against the truth of the lab", "left"), ("found", "right"), ("must be", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    rows = [
        ("people, and how many answered", f"{found.targets}, {found.answered}", ""),
        ("without an outcome, on one side only, or twice", str(found.unaccounted), "0"),
        ("outcome differs", str(found.outcome_mismatches), "0"),
        ("answered, without a listen", str(found.listens_missing), "0"),
        ("greatest error of the listened message", f"{found.max_error_ms} ms", f"≤ {found.limit_ms} ms"),
        *((f"   of the {s}", f"{ms} ms", "") for s, ms in found.segment_errors_ms.items() if s is not Segment.MESSAGE),
        ("called more often than allowed", str(found.called_twice), "0"),
        ("counted with another version than they drew", str(found.version_mismatches), "0"),
        ("pressed 9; of these not in force", f"{found.stops}; {found.stops_not_in_force}", "0"),
        ("stopped without a 9", str(found.stops_not_asked), "0"),
        ("people who did not act as planned", str(found.off_plan), "0"),
        ("longest silence in a call", f"{found.silence_ms} ms", ""),
        ("packets of unknown sound, lost", f"{found.foreign}, {found.lost}", "0, –"),
    ]
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for case in found.worst if not found.ok else ():
        console.print(f"  …{case.person} {case.plan}: {case.what}: reported {case.reported}, true {case.true}")
    console.print("[bold green]the report is true[/]" if found.ok else "[bold red]the report is NOT true[/]")


def _drawn(settings: Settings, name: str, numbers: list[str]) -> dict[str, int]:
    """The lab knows what the campaign plays; which version of its message each of these people hears."""
    with store_of(settings) as store:
        campaign = store.campaigns.named(name)
        for trunk in campaign.trunks:
            use_case.require_loopback(trunk_of(settings, trunk))
        use_case.set_campaign(settings, campaign)
        return use_case.drawn(store, campaign, numbers)


def _sound(text: str) -> tuple[Segment, str]:
    segment, _, sound = text.partition("=")
    if segment not in set(Segment) or not sound:
        raise BadSetting(f"--sound {text}: write SEGMENT=HASH with SEGMENT one of {', '.join(Segment)}")
    return Segment(segment), sound
