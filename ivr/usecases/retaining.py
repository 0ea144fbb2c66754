"""Retention: what may not be kept any more is deleted, by itself once a day, with a signed certificate each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ivr.adapters import rule_packs, signing
from ivr.adapters.store import Store
from ivr.adapters.store.deletions import KIND, Delivery, Run, Stage
from ivr.adapters.store.journal import ITSELF
from ivr.errors import NotFound
from ivr.rules import chain
from ivr.rules.lifetimes import LINK_MS, NUMBER_MS, RECORDING_MS, RELEASED, SET, SOURCES, Holds, Rule, batch_due, holds
from ivr.rules.records import Campaign, Message
from ivr.settings import Settings
from ivr.usecases.originating import first_id_of

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
STAGES: Mapping[Stage, tuple[Rule, int]] = {
    Stage.HIDDEN: (Rule.NUMBER, NUMBER_MS),
    Stage.UNLINKED: (Rule.LINK, LINK_MS),
}


@dataclass(frozen=True, slots=True)
class Due:
    """Something that may not be kept any more. count: of people, or 1 recording. held: why it is kept all the same."""

    object: str
    rule: Rule
    since_ms: int
    count: int
    held: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one piece did. gone: of whom or which nothing is kept. held: of whom something is kept, by why."""

    object: str
    rule: Rule
    gone: int = 0
    left: int = 0
    held: Mapping[str, int] | None = None


def in_force(store: Store, at_ms: int) -> Holds:
    """The holds at that instant."""
    return holds(store.journal.of_kinds(SET, RELEASED), at_ms)


def due(store: Store, at_ms: int) -> list[Due]:
    """All that may not be kept any more at that instant. Of people called long ago some may have been called since."""
    held = in_force(store, at_ms)
    found = [
        Due(f"batch:{one.name}", rule, since_ms, store.deletions.people_in(one.id), held.on(f"batch:{one.name}"))
        for one, since_ms, rule in _deliveries(store, at_ms)
    ]
    for stage, (rule, kept_ms) in STAGES.items():
        people = store.deletions.called_before(first_id_of(at_ms - kept_ms), stage)
        found += [Due(f"numbers:{stage}", rule, at_ms - kept_ms, people, held.on())] if people else []
    for message, since_ms, played_by in _recordings(store, at_ms):
        found.append(Due(f"message:{message.name}", Rule.RECORDING, since_ms, 1, _held(message, played_by, held)))
    return found


def pieces(store: Store, settings: Settings, by: str, at_ms: int) -> Iterator[Deleted]:
    """Deletes a piece of what is due at each step; what a hold keeps is said and stays.

    Whoever is killed in between has lost nothing: each piece is committed with its certificate, the rest is still due.
    """
    held = in_force(store, at_ms)
    for one, _, rule in _deliveries(store, at_ms):
        yield from _delivery(store, one, rule, _run(settings, held, rule, by, at_ms))
    for stage, (rule, kept_ms) in STAGES.items():
        yield from _called(store, stage, first_id_of(at_ms - kept_ms), _run(settings, held, rule, by, at_ms))
    yield from _old_recordings(store, settings, _run(settings, held, Rule.RECORDING, by, at_ms))


class Retainer:
    """Does it by itself: a piece at each step until nothing is due, then looks again a day later."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._left: Iterator[Deleted] | None = None
        self._next_ms = 0

    def step(self, at_ms: int) -> None:
        """One piece of what is due, if it is time. After trouble it begins again an hour later."""
        if self._left is None:
            if 0 < self._next_ms - at_ms <= DAY_MS:  # further off: the clock was stepped back since
                return
            self._left = pieces(self._store, self._settings, ITSELF, at_ms)
        left, self._left, self._next_ms = self._left, None, at_ms + HOUR_MS
        if next(left, None) is None:
            self._next_ms = at_ms + DAY_MS
        else:
            self._left = left


def certificates(store: Store) -> list[tuple[dict[str, Any], bool]]:
    """Every certificate of deletion, oldest first, and whether its signature is that of the key that it names."""
    return [(entry["said"], _is_signed(entry["said"])) for entry in store.journal.of_kinds(KIND)]


def _delivery(store: Store, one: Delivery, rule: Rule, run: Run) -> Iterator[Deleted]:
    object_ = f"batch:{one.name}"
    if held := run.holds.on(object_):
        yield Deleted(object_, rule, held={held: store.deletions.people_in(one.id)})
        return
    last = 0
    while piece := store.deletions.leave(one, last, run):
        last = piece.last
        yield Deleted(object_, rule, piece.gone, piece.left, piece.held)


def _called(store: Store, stage: Stage, before: str, run: Run) -> Iterator[Deleted]:
    last = ""
    while piece := store.deletions.fade(last, before, stage, run):
        last = piece.last
        yield Deleted(f"numbers:{stage}", STAGES[stage][0], piece.gone, 0, piece.held)


def _deliveries(store: Store, at_ms: int) -> Iterator[tuple[Delivery, int, Rule]]:
    """Those that are due, with since when and by which rule."""
    today = datetime.fromtimestamp(at_ms / 1000, UTC).date()
    for one in store.deletions.deliveries():
        ballots = [_last_ballot(pack, election, today) for pack, election in one.used_by]
        found = batch_due(one.source_type, one.delete_at, ballots)
        if found and found[0] <= at_ms:
            yield one, *found


def _last_ballot(pack: str, election: str, today: date) -> date | None:
    """The last day of voting; None when nobody knows it."""
    try:
        known = rule_packs.pack_on(pack, today).election(election)
    except NotFound:
        return None
    return max(max([one.day, *one.earlier]) for one in known.rounds) if known else None


def _recordings(store: Store, at_ms: int) -> Iterator[tuple[Message, int, list[str]]]:
    """Messages whose recording is due, since when, and the campaigns that played them."""
    campaigns, deleted = store.campaigns.all(), _deleted(store)
    for message in store.messages.all():
        played = [one for one in campaigns if message.sound in _sounds(one)]
        ends = [one.finished_at_ms for one in played]
        over = [end for end in ends if end is not None]
        if not over or len(over) < len(ends) or f"message:{message.name}" in deleted:
            continue
        if (since_ms := max(over) + RECORDING_MS) <= at_ms:
            yield message, since_ms, [one.name for one in played]


def _sounds(campaign: Campaign) -> set[str]:
    return {campaign.message.sound} | {one.sound.sound for one in campaign.versions}


def _deleted(store: Store) -> set[str]:
    """What there is a certificate of."""
    return {str(entry["subject"]) for entry in store.journal.of_kinds(KIND)}


def _held(message: Message, played_by: list[str], held: Holds) -> str:
    return held.on(f"message:{message.name}", *(f"campaign:{name}" for name in played_by))


def _old_recordings(store: Store, settings: Settings, run: Run) -> Iterator[Deleted]:
    found = [(one, _held(one, played_by, run.holds)) for one, _, played_by in _recordings(store, run.at_ms)]
    gone = _deleted(store) | {f"message:{one.name}" for one, held in found if not held}
    for message, held in found:
        object_ = f"message:{message.name}"
        if not held:
            for file in _files_of_none_but(store, settings, message, gone):
                file.unlink(missing_ok=True)
            told = {"object": object_, "gone": 1, "sha256": message.original_sha256}
            store.journal.add(KIND, object_, run.by, run.at_ms, **run.certify(told | run.signed_by))
        yield Deleted(object_, Rule.RECORDING, int(not held), 0, {held: 1} if held else {})


def _files_of_none_but(store: Store, settings: Settings, message: Message, gone: set[str]) -> Iterator[Path]:
    """The message's files that no message which stays has too."""
    stay = [
        one for one in store.messages.like(message.original_sha256, message.sound) if f"message:{one.name}" not in gone
    ]
    if all(one.sound != message.sound for one in stay):
        yield from settings.sounds_dir.glob(f"{message.sound}.*")
    if all(one.original_sha256 != message.original_sha256 for one in stay):
        yield settings.originals_dir / message.original_sha256


def _run(settings: Settings, held: Holds, rule: Rule, by: str, at_ms: int) -> Run:
    def certify(told: Mapping[str, Any]) -> Mapping[str, Any]:
        key = signing.load_signing_key(settings.evidence_key_file)
        body = {**told, "rule": rule.value, "because": SOURCES[rule], "key": signing.public_hex(key)}
        return body | {"signature": signing.signature(key, chain.canonical(body).encode())}

    return Run(held, certify, by, at_ms)


def _is_signed(said: Mapping[str, Any]) -> bool:
    body = {name: value for name, value in said.items() if name != "signature"}
    return signing.is_signed(chain.canonical(body).encode(), str(said["signature"]), str(said["key"]))
