"""`ivr lab demo`: what `make demo` runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from ivr.adapters.store import Store
from ivr.doors.cli import lab as lab_command
from ivr.doors.cli.parts import console, say, store_of
from ivr.doors.cli.progress import follow
from ivr.doors.report import as_html, as_json, terminal
from ivr.rules.records import Campaign
from ivr.settings import Settings
from ivr.usecases import campaigns, health, lab, lab_check, reports, running
from ivr.usecases import demo as use_case


@click.command()
@click.option(
    "--people", type=click.IntRange(20, 5000), default=300, show_default=True, help="Invented people to call."
)
@click.option("--rate", type=click.FloatRange(0.1, 50), default=10.0, show_default=True, help="Calls started a second.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where it runs; default: var/demo.")
def demo(people: int, rate: float, folder: Path | None) -> None:
    """Call a simulated electorate through a real Asterisk, show the report, and prove it. Leaves nothing running."""
    began_s = time.monotonic()
    place = folder or use_case.default_folder()
    settings = use_case.settings_in(place, rate)
    with store_of(settings) as store:
        campaign = use_case.prepare(store, settings, people, say)
        running.up(settings, say)
        try:
            lab.wait_ready(settings)
            say(
                f"calling {people} people at {rate:g} calls per second; what each may hear lasts {_seconds(campaign)} s"
            )
            follow(store, settings, campaigns.start(store, settings, campaign.name))
            worst = health.worst_second(settings)
        finally:
            running.down(settings, say, now=True)
        ok = _tell(store, settings, campaign.name, worst)
    say(f"nothing is left running; {time.monotonic() - began_s:.0f} s in all")
    if not ok:
        sys.exit(1)


def _seconds(campaign: Campaign) -> str:
    parts = (campaign.preroll, campaign.message, campaign.notice)
    return f"{sum(part.length_ms for part in parts) / 1000:.0f}"


def _tell(store: Store, settings: Settings, name: str, worst_second: int | None) -> bool:
    """Report and proof, on the terminal and in files. True when the report is true."""
    report = reports.with_sound(reports.report_of(store, store.campaigns.named(name), worst_second), settings)
    _write(settings.var_dir / "report.json", as_json.render(report))
    _write(settings.var_dir / "report.html", as_html.render(report))
    terminal.render(report, console)
    found = lab_check.check_campaign(store, settings, name)
    use_case.write_json(settings.var_dir / "check.json", found.as_json())
    lab_command.show(found)
    console.print(f"the report as a page: {os.path.relpath(settings.var_dir / 'report.html')}")
    return found.ok


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
