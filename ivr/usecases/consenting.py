"""Consents: recorded with their proof, taken back, and looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ivr.adapters.store import Store
from ivr.adapters.store.consents import Given, Recorded
from ivr.adapters.store.suppressions import sponsor_scope
from ivr.errors import ContactsRefused, Refused
from ivr.rules import consent_form, numbers
from ivr.rules.consent import Channel
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name

AT_ONCE = 500
"""Consents in one transaction."""


@dataclass
class Tally:
    """What became of a file of consents. refused: line and reason of those that could not be read, no more than 20."""

    recorded: int = 0
    known: int = 0
    withdrawn: int = 0
    unreadable: int = 0
    weak: dict[str, int] = field(default_factory=dict)
    opened: dict[Channel, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def add(self, one: Recorded) -> None:
        """One more."""
        self.known += one.known
        if one.known:
            return
        self.recorded += 1
        self.withdrawn += one.withdrawn
        for name in one.weak:
            self.weak[name] = self.weak.get(name, 0) + 1
        for channel in one.channels:
            self.opened[channel] = self.opened.get(channel, 0) + 1


def record_lines(store: Store, settings: Settings, sponsor: str, lines: Iterable[str]) -> Tally:
    """Each line is a consent in favour of that sponsor (rules/consent_form.py), recorded once, weak or not."""
    of_sponsor = store.sponsors.named(sponsor)
    tally = Tally()

    def readable() -> Iterator[Given]:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _given(line, settings, of_sponsor.id, of_sponsor.name)
                except (ContactsRefused, numbers.NumberRefused, Refused) as error:
                    tally.unreadable += 1
                    tally.refused = [*tally.refused, f"line {number}: {error}"][:20]

    given = readable()
    while some := list(islice(given, AT_ONCE)):
        for one in store.consents.record(some, login_name(), now_ms()):
            tally.add(one)
    return tally


def withdraw(
    store: Store, settings: Settings, sponsor: str, number: str, channels: Sequence[Channel], how: str
) -> int:  # fmt: skip
    """What the person agreed to with that sponsor ends, and the sponsor reaches them no more by those channels."""
    if not how.strip():
        raise Refused("say how it was asked for: a letter, a call, with its date or reference")
    e164 = numbers.parse(number, settings.calls.country).e164
    sponsor_id = store.sponsors.named(sponsor).id
    return store.consents.withdraw(e164, sponsor_id, channels, how, login_name(), now_ms())


def lift_stop(store: Store, settings: Settings, sponsor: str, number: str) -> None:
    """The sponsor may reach the number again: the person agreed anew, fully proved, after they had said stop.

    A stop of the whole platform is never lifted so. Refused when there is no such consent.
    """
    e164 = numbers.parse(number, settings.calls.country).e164
    sponsor_id = store.sponsors.named(sponsor).id
    scope = sponsor_scope(sponsor_id)
    stops = [one for one in store.suppressions.of_number(e164) if one.scope == scope]
    if not stops:
        raise Refused("that sponsor was not told to stop calling this number")
    proofs = [
        event["proof"]
        for event in store.consents.of_number(e164)
        if event.get("kind") == "given" and event["sponsor_id"] == sponsor_id and _renews(event, stops[0].at_ms)
    ]
    if not proofs:
        raise Refused("only a consent that is fully proved and was given after the stop lifts it: there is none")
    store.suppressions.lift(e164, scope, login_name(), now_ms(), f"consent:{proofs[-1]}")


def _renews(event: Mapping[str, Any], stopped_at_ms: int) -> bool:
    consent = event["consent"]
    possessed = consent["possession_verified_at_ms"] or consent["captured_at_ms"]
    return not event["weak"] and min(consent["captured_at_ms"], possessed) > stopped_at_ms


def _given(line: str, settings: Settings, sponsor_id: int, sponsor: str) -> Given:
    written, consent = consent_form.parse(line)
    number = numbers.parse(written, settings.calls.country)
    return Given(number.e164, number.line_type.value, sponsor_id, sponsor, consent)
