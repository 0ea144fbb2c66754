"""What campaigns of known truth are judged by is what the recording that production uses writes into the books."""

from __future__ import annotations

import random
from dataclasses import replace

from bench.known_truth import KINDS, MESSAGE_MS
from ivr.rules.records import Message
from ivr.rules.tally import Tally, call_of
from ivr.usecases.recording import end_result, listen_result, record
from ivr.usecases.reporting import build
from ivr.usecases.reports import report_of
from tests.integration.scene import Scene


def test_calls_recorded_in_the_books_tell_the_same_as_calls_added_up(scene: Scene) -> None:
    kind, dice, people = KINDS["a third cut, evenly"], random.Random(6), 40
    message = scene.store.messages.add(Message(0, "known", "k" * 8, MESSAGE_MS, "known.wav", "1" * 64), 1)
    campaign = scene.campaign(people, message_id=message.id)
    listens = [kind.listen(dice) for _ in range(people)]
    added = Tally()
    for one in listens:
        added.add(call_of("answered", one, MESSAGE_MS), {"attempt": "1"})
    for attempt, one in zip(scene.dialing(campaign, people), listens, strict=True):
        told = listen_result(replace(one, attempt=attempt, at_ms=50))
        record([told, end_result(attempt, "answered", 90)], scene.store)
    report = report_of(scene.store, campaign)
    alone = build(report.facts, added)
    assert (report.measures, report.curve) == (alone.measures, alone.curve)
    assert report.measure("uncut").denominator == people
