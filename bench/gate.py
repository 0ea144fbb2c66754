"""How many targets a second the Gate is asked about in bulk, on one core: without a pack, and under the French one.

Run: `.venv/bin/python bench/gate.py [PEOPLE]`. What is measured is what a claim does with what it has read: the facts
of each person are made and every rule is asked. CPU seconds, not seconds: the machine may be busy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.rules.frequency import SponsorCall
from ivr.rules.gate import Kind, Verdict
from ivr.rules.gate_facts import CampaignFacts, Known, Person, Source
from ivr.rules.pack import MessageClass, Sender
from ivr.rules.permission import Grant
from ivr.rules.records import Campaign, Dialable, Sound
from ivr.rules.retry import NEVER
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from ivr.settings import Settings, Trunk
from ivr.usecases.asking import questions

PEOPLE = 50_000
TARGET_PER_S = 20_000
NOW = datetime(2026, 11, 25, 11, tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)
CALLER_ID = "+33162123456"
SOUND = Sound("bench", 20_000)
HOURS = Hours.parse("09:00-21:00")
PAPERS = frozenset(
    {"legal_name", "controlling_entity", "payer", "data_protection_contact", "declaration", "mandate", "address",
     "impact_assessment", "processor_contract", "eu_eligibility"}
)  # fmt: skip
CAMPAIGN = Campaign(
    id=1, name="bench", sponsor_id=1, sponsor="Bench", batch_id=1, language="fr", trunks=("carrier",), rate_cps=1.0,
    weight=1.0, priority=0, retry="", hours="09:00-20:00", timezone="Europe/Paris", preroll=SOUND, message=SOUND,
    notice=SOUND, confirmation=SOUND, texts={}, state=CampaignState.RUNNING, created_at_ms=0, started_at_ms=0,
    finished_at_ms=None, expires_at_ms=None, release_at_ms=None,
)  # fmt: skip
ABOUT = CampaignFacts(
    1, 1, MessageClass.ELECTORAL, Sender.CANDIDATE, "fr-presidential-2027", PAPERS, NEVER, True, frozenset({CALLER_ID})
)
TERRITORIES = {"FR": "Europe/Paris", "RE": "Indian/Reunion", "YT": "Indian/Mayotte"}


def people(count: int, campaign: Campaign) -> Iterator[Dialable]:
    """Dialables as a claim makes them: every person with two grants and three earlier calls of the sponsor's."""
    grant = Grant(1, "political_advertising", "automated_voice", "consent", NOW - timedelta(days=30), None,
                  True, True, True, HOURS, ZoneInfo("Europe/Paris"))  # fmt: skip
    grants = (replace(grant, purpose="institutional_info"), grant)
    calls = tuple(SponsorCall(NOW - timedelta(days=20 + n), 2, n == 0, f"a{n}") for n in range(3))
    with_pack = campaign.pack != "base"
    places = list(TERRITORIES.items())
    for number in range(count):
        territory, zone = places[number % len(places)]
        e164 = f"+336{12000000 + number}"
        person = Person(e164, "FR", "mobile", territory, "", 1980, (Source("direct_form"),), grants, calls)
        known = Known(ABOUT, person, zone) if with_pack else None
        yield Dialable(f"attempt-{number}", "carrier", e164, campaign, False, (), False, known)


def measured(campaign: Campaign, settings: Settings, count: int) -> tuple[float, int]:
    """Targets a CPU second, and how many got a yes."""
    asked = list(people(count, campaign))
    ask: Callable[[Dialable], Verdict] = questions(settings, NOW)
    ask(asked[0])  # the pack is read
    began_s = time.process_time()
    yes = sum(ask(dialable).kind is Kind.YES for dialable in asked)
    return count / (time.process_time() - began_s), yes


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    home = Path("/tmp/portevoix-bench-gate")  # noqa: S108 - nothing but one empty file
    settings = Settings(home=home, trunks={"carrier": Trunk(host="sip.example.net", caller_id=CALLER_ID)})
    settings.sounds_dir.mkdir(parents=True, exist_ok=True)
    (settings.sounds_dir / "bench.alaw").touch()
    electoral = replace(CAMPAIGN, pack="fr", message_class="electoral_campaign", election="fr-presidential-2027")
    for campaign in (CAMPAIGN, electoral):
        per_s, yes = measured(campaign, settings, count)
        print(
            f"{campaign.pack}: {per_s:,.0f} targets/s of one core, {yes:,} of {count:,} yes (wanted: {TARGET_PER_S:,})"
        )


if __name__ == "__main__":
    main()
