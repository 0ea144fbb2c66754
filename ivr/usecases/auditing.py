"""A campaign's listens against those who saw its calls too: the PBX's own record, and the carrier's if there is one."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters import carrier_cdr
from ivr.adapters.carrier_cdr import CarrierCall
from ivr.adapters.pbx import cdr
from ivr.adapters.store import Store
from ivr.errors import Refused
from ivr.rules.auditing import Allowance, BookedCall, Disagreement, Kind, Seen, Verdict, audit
from ivr.rules.numbers import NumberRefused, dialled, mask
from ivr.rules.records import Campaign
from ivr.settings import Settings

SHORTER_MS = 500
"""Sound may be heard so long after the PBX counts the end: its clock and the call script's are read in turn."""
LONGER_MS = 3_000
"""Beside the wait for keys at the end: from the answer to the first sound, and between the segments."""
ROUNDED_MS = 1_500
"""A carrier counts whole seconds, up or down, from an answer that it sees earlier or later."""
FORMATS = ("e164", "national", "international")
"""Every way of `trunks.*.number_format` but for a leading +."""
NEAR_MS = 90_000
"""So far from our sending may a carrier's beginning of the same call be: ringing, and clocks that differ."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What each witness says. elsewhere: calls of other PBXs, whose records are on their machines.

    unread: lines of the carrier's file that tell of no call.
    """

    campaign: str
    verdicts: tuple[Verdict, ...]
    elsewhere: int
    unread: tuple[int, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether no witness disagrees."""
        return all(one.agrees for one in self.verdicts)


def audit_of(store: Store, settings: Settings, name: str, carrier_file: Path | None = None, trunk: str = "") -> Audit:
    """The campaign's calls that are over against every witness there is.

    carrier_file: the carrier's CSV; trunk: whose calls are in it, "" all. Refused for a trunk that is not the
    campaign's.
    """
    campaign = store.campaigns.named(name)
    if trunk and trunk not in campaign.trunks:
        raise Refused(f"campaign {name!r} does not call by trunk {trunk!r}: by {', '.join(campaign.trunks)}")
    calls = store.audit.calls_of(campaign.id)
    here = [call for call in calls if call.pbx == settings.pbx.name]
    verdicts = [_against_pbx(settings, here)]
    unread: Sequence[int] = ()
    if carrier_file is not None:
        told, unread = carrier_cdr.read(carrier_file, campaign.timezone)
        carried = [call for call in calls if trunk in ("", call.trunk)]
        verdicts.append(_against_carrier(settings, campaign, carried, told))
    return Audit(campaign.name, tuple(verdicts), len(calls) - len(here), tuple(unread))


def _against_pbx(settings: Settings, calls: Sequence[BookedCall]) -> Verdict:
    records = cdr.read(settings)
    seen = {
        call.attempt: Seen(records[call.attempt].answered, records[call.attempt].talked_ms)
        for call in calls
        if call.attempt in records
    }
    return audit("pbx", calls, seen, _allowed(settings))


def _against_carrier(
    settings: Settings, campaign: Campaign, calls: Sequence[BookedCall], told: Iterable[CarrierCall]
) -> Verdict:
    seen, strangers = _matched(calls, told, settings.calls.country)
    unknown = [
        Disagreement(Kind.NOT_IN_BOOKS, "", mask(number), talked_ms=one.talked_ms)
        for number, one in strangers
        if one.began_at_ms >= (campaign.started_at_ms or 0)
    ]
    return audit("carrier", calls, seen, _allowed(settings, ROUNDED_MS), unknown)


def _allowed(settings: Settings, rounded_ms: int = 0) -> Allowance:
    grace_ms = round(settings.calls.grace_s * 1000)
    return Allowance(SHORTER_MS + rounded_ms, LONGER_MS + grace_ms + rounded_ms)


def _matched(
    calls: Sequence[BookedCall], told: Iterable[CarrierCall], country: str
) -> tuple[dict[str, Seen], list[tuple[str, CarrierCall]]]:
    """What the carrier saw by attempt, each line once; and what it has of the campaign's people that fits no call."""
    written = _written({call.number for call in calls}, country)
    lines: defaultdict[str, list[CarrierCall]] = defaultdict(list)
    for one in told:
        if one.digits in written:
            lines[written[one.digits]].append(one)
    seen = dict[str, Seen]()
    for call in calls:
        near = [one for one in lines[call.number] if abs(one.began_at_ms - call.sent_at_ms) <= NEAR_MS]
        if near:
            found = min(near, key=lambda one: abs(one.began_at_ms - call.sent_at_ms))
            lines[call.number].remove(found)
            seen[call.attempt] = Seen(found.talked_ms > 0, found.talked_ms)
    return seen, [(number, one) for number in sorted(lines) for one in lines[number]]


def _written(numbers: Collection[str], country: str) -> dict[str, str]:
    """Each of the numbers by the digits of every way in which a carrier writes it; none of one that was erased."""
    found = dict[str, str]()
    for number in numbers:
        with contextlib.suppress(NumberRefused):
            found |= {dialled(number, form, country).removeprefix("+"): number for form in FORMATS}
    return found
