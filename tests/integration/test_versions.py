"""Several versions of a message in one campaign, on both databases: who hears which, and books that tell them apart."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.doors.cli.progress import version_lines
from ivr.doors.report import as_json
from ivr.rules.records import Campaign, Message
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.rules.versions import borders, place, version_at
from ivr.usecases import campaigns, messages, reports, uploading
from tests.integration.scene import SOUNDS, Scene

PEOPLE = 90
SHARES = (0.5, 0.3, 0.2)
LENGTHS_MS = (4000, 6000, 2000)


def with_versions(scene: Scene, **values: Any) -> Campaign:
    """A campaign that runs and plays three messages of unlike lengths."""
    made = [
        scene.store.messages.add(Message(0, name, name * 8, length_ms, "a.wav", "0" * 64), 1)
        for name, length_ms in zip("abc", LENGTHS_MS, strict=True)
    ]
    versions = [(message.id, share) for message, share in zip(made, SHARES, strict=True)]
    return scene.campaign(PEOPLE, message_id=made[0].id, versions=versions, **values)


def drawn(scene: Scene, campaign: Campaign) -> dict[str, int]:
    """The version of each number, worked out without the database."""
    rows = scene.rows("SELECT id, number FROM contacts")
    return {number: version_at(place(campaign.id, contact), borders(SHARES)) for contact, number in rows}


def test_each_hears_the_version_that_the_hash_says_at_every_call(scene: Scene) -> None:
    campaign = with_versions(scene, retry="busy=1s x9; most=9; spacing=1s; per_day=9; hours_apart=0s; jitter=0")
    assert [(one.name, one.sound.length_ms, one.share) for one in campaign.versions] == [
        ("a", 4000, 0.5), ("b", 6000, 0.3), ("c", 2000, 0.2),
    ]  # fmt: skip
    expected = drawn(scene, campaign)
    assert set(expected.values()) == {0, 1, 2}
    for _ in range(2):
        attempts = scene.claim(campaign, PEOPLE)
        begun = scene.store.attempts.begin_dialing_many(attempts, scene.ask(), 20)
        heard = {one.number: one.campaign.message.sound for one in begun}
        assert heard == {number: "abc"[version] * 8 for number, version in expected.items()}
        for one in begun[:5]:
            told = scene.store.attempts.campaign_of(one.attempt)
            assert told is not None
            assert told.message == one.campaign.message
        assert {one.campaign.notice.sound for one in begun} == {SOUNDS["notice"][0]}
        scene.store.attempts.take_back_many(attempts)


def test_status_and_report_tell_the_versions_apart(scene: Scene) -> None:
    campaign = with_versions(scene)
    numbers = drawn(scene, campaign)
    attempts = scene.claim(campaign, PEOPLE)
    for one in scene.store.attempts.begin_dialing_many(attempts, scene.ask(), 20):
        length_ms = LENGTHS_MS[numbers[one.number]]
        heard_ms = length_ms if one.campaign.message.sound == "a" * 8 else length_ms // 2
        play = Play(Segment.MESSAGE, one.campaign.message.sound, heard_ms, length_ms, 0)
        listen = Listen(one.attempt, (play,), ended_by=EndedBy.LISTENER, at_ms=50)
        end = {"attempt": one.attempt, "outcome": "answered", "at_ms": 60, "cause": 16}
        scene.store.listens.record([listen], [end])
    report = reports.report_of(scene.store, campaign)
    assert report.books.balance
    assert not report.doubts
    assert report.facts.message_ms == 6000
    counts = [list(numbers.values()).count(version) for version in range(3)]
    assert [one.books.targets for one in report.versions] == counts
    assert all(one.books.balance and not one.doubts for one in report.versions)
    assert [one.hidden for one in report.versions] == [min(counts) < 20] * 3
    assert [one.facts.sounds["message"] for one in report.versions] == ["a" * 8, "b" * 8, "c" * 8]
    whole = (counts[0] + (counts[1] + counts[2]) / 2) / PEOPLE
    assert report.measure("listen_rate").value == pytest.approx(whole)
    lines = [line.plain for line in version_lines(scene.store, campaign)]
    assert lines[0].startswith(f"  version a (50.0%) · {counts[0]}/{counts[0]} called · {counts[0]} answered")
    assert [f"listen rate so far {share} of {count}" in line for line, share, count in zip(
        lines, ("100.0%", "50.0%", "50.0%"), counts, strict=True
    )] == [True] * 3  # fmt: skip
    assert '"versions": [' in as_json.render(report)


def test_one_message_is_no_version(scene: Scene) -> None:
    campaign = scene.campaign(3)
    assert campaign.versions == ()
    assert version_lines(scene.store, campaign) == []
    assert reports.report_of(scene.store, campaign).versions == ()


def test_a_campaign_starts_only_when_every_version_may_be_played(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = with_versions(scene, start=False)
    seen: list[str] = []
    monkeypatch.setattr(messages, "verify", lambda *_: None)  # these sounds are silence of a test's own
    monkeypatch.setattr(uploading, "startable", lambda message, *_: seen.append(message.name))
    campaigns.startable(scene.store, scene.settings, campaign.name)
    assert sorted(seen) == ["a", "b", "c"]
    assert scene.store.messages.sponsors(campaign.versions[2].message_id) == ["Jeanne Martin"]
