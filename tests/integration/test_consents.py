"""Consents in the books: what they open, what is taken back, and that nothing revives it; tampering is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from ivr.adapters.store.contacts import FileOrigin
from ivr.adapters.store.suppressions import sponsor_scope
from ivr.doors.cli import cli
from ivr.errors import NotFound, Refused
from ivr.rules.consent import Basis, Channel, Grant, Purpose
from ivr.rules.segments import KeyPress, Segment
from ivr.rules.states import TargetState
from ivr.rules.suppression import PLATFORM
from ivr.usecases import consenting, recording
from ivr.usecases.campaigns import now_ms
from tests.integration.consents import SPONSOR, ago, record, sponsor, whole
from tests.integration.scene import Scene, listen

NUMBER = "+33199001000"


def listed(scene: Scene, name: str = "one") -> int:
    """The id of a batch with that number alone."""
    origin = FileOrigin(name, "one.csv", f"{name:0>64}")
    return scene.store.contacts.import_batch(origin, iter([(NUMBER, "fixed")]), lambda: 0, 1).id


def grants(scene: Scene, number: str = NUMBER, channel: Channel = Channel.AUTOMATED_VOICE) -> list[Grant]:
    rows = scene.rows(f"SELECT id FROM contacts WHERE number = '{number}'")  # noqa: S608
    ids = [row[0] for row in rows]
    found = scene.store.grants.in_force(ids, sponsor(scene), channel, now_ms())
    return [grant for some in found.values() for grant in some]


def blocked(scene: Scene, number: str = NUMBER) -> bool:
    return bool(scene.store.suppressions.blocked_among([number], sponsor(scene)))


def withdraw(scene: Scene, *channels: Channel) -> int:
    return consenting.withdraw(scene.store, scene.settings, SPONSOR, NUMBER, channels, "letter of today")


def test_a_whole_consent_opens_its_channels_to_its_sponsor_alone(scene: Scene) -> None:
    tally = record(scene, whole(NUMBER, channels=["automated_voice", "sms"], election="fr-2027-president"))
    assert (tally.recorded, tally.weak, tally.opened) == (1, {}, {Channel.AUTOMATED_VOICE: 1, Channel.SMS: 1})
    [grant] = grants(scene)
    assert (grant.purpose, grant.basis) == (Purpose.POLITICAL_ADVERTISING, Basis.CONSENT)
    assert (grant.scope, grant.hours, grant.timezone) == ("fr-2027-president", "10:00-20:00 mon-fri", "Europe/Paris")
    assert grant.to_ms is not None
    assert grant.to_ms > now_ms()
    assert grants(scene, channel=Channel.LIVE_VOICE) == []
    other = scene.store.grants.in_force([grant.contact_id], sponsor(scene, "X"), Channel.AUTOMATED_VOICE, now_ms())
    assert other == {}
    assert scene.store.grants.in_force([grant.contact_id], grant.sponsor_id, grant.channel, grant.to_ms) == {}


def test_the_attested_age_goes_from_the_consent_to_its_grant(scene: Scene) -> None:
    numbers = {True: "+33199001001", False: "+33199001002", None: "+33199001003"}
    record(scene, *(whole(number, age_attested=said) for said, number in numbers.items()))
    told = {said: [grant.age_attested for grant in grants(scene, number)] for said, number in numbers.items()}
    assert told == {True: [True], False: [False], None: [False]}


def test_a_weak_one_is_kept_and_opens_no_automated_channel(scene: Scene) -> None:
    tally = record(scene, whole(NUMBER, possession_verified_at=None, channels=["automated_voice", "live_voice"]))
    assert tally.weak == {"possession": 1}
    assert tally.opened == {Channel.LIVE_VOICE: 1}
    assert grants(scene) == []
    [event] = scene.store.consents.of_number(NUMBER)
    assert event["weak"] == ["possession"]


def test_one_given_to_somebody_else_is_weak(scene: Scene) -> None:
    assert record(scene, whole(NUMBER, controller="our commercial partners")).weak == {"controller": 1}
    assert grants(scene) == []


def test_the_same_again_changes_nothing_not_even_after_it_was_taken_back(scene: Scene) -> None:
    said = whole(NUMBER)
    record(scene, said)
    assert record(scene, said, said).known == 2
    assert len(grants(scene)) == 1
    assert withdraw(scene) == 1
    assert grants(scene) == []
    assert record(scene, said).known == 1
    assert grants(scene) == []
    assert [event["kind"] for event in scene.store.consents.of_number(NUMBER)] == ["given", "withdrawn"]


def test_one_that_is_older_than_its_withdrawal_opens_nothing_however_late_it_comes(scene: Scene) -> None:
    record(scene, whole(NUMBER))
    withdraw(scene, Channel.SMS)
    tally = record(scene, whole(NUMBER, channels=["sms", "automated_voice"], captured_at=ago(days=3)))
    assert tally.withdrawn == 1
    assert tally.opened == {Channel.AUTOMATED_VOICE: 1}
    assert grants(scene, channel=Channel.SMS) == []


def test_a_withdrawal_stops_the_sponsor_by_those_channels(scene: Scene) -> None:
    record(scene, whole(NUMBER))
    withdraw(scene, Channel.SMS)
    assert not blocked(scene)
    assert len(grants(scene)) == 1
    withdraw(scene, Channel.AUTOMATED_VOICE)
    assert blocked(scene)
    assert grants(scene) == []
    [stop] = scene.store.suppressions.of_number(NUMBER)
    assert set(stop.channels) == {Channel.SMS, Channel.AUTOMATED_VOICE}
    with scene.store.database.read() as connection:
        calls = [(NUMBER, sponsor(scene)), (NUMBER, sponsor(scene) + 1)]
        assert scene.store.suppressions.blocked(connection, calls, Channel.SMS) == {calls[0]}
        assert scene.store.suppressions.blocked(connection, calls, Channel.LIVE_VOICE) == set()


def test_what_is_suppressed_never_becomes_less_and_ends_when_it_says(scene: Scene) -> None:
    store, scope = scene.store, sponsor_scope(sponsor(scene))
    store.suppressions.add(NUMBER, scope, "web", 5)
    store.suppressions.add(NUMBER, scope, "sms_stop", 6, [Channel.SMS])
    [stop] = store.suppressions.of_number(NUMBER)
    assert (stop.reason, stop.at_ms, stop.channels) == ("web", 5, ())
    with store.database.write() as connection:
        past = {"expires_at_ms": now_ms() - 1}
        store.suppressions.put(connection, "+33199001001", scope, "reassigned", 5, **past)
        store.suppressions.put(connection, "+33199001002", scope, "reassigned", 5, expires_at_ms=now_ms() + 60_000)
    assert not blocked(scene, "+33199001001")
    assert blocked(scene, "+33199001002")


def test_a_nine_in_calls_of_two_sponsors_is_a_stop_of_all(scene: Scene) -> None:
    campaign = scene.campaign(1, batch_id=listed(scene))
    [first] = scene.dialing(campaign)
    scene.store.suppressions.stop_attempt(first, 30)
    scene.store.suppressions.stop_attempt(first, 31)  # told twice, pressed once
    assert [stop.scope for stop in scene.store.suppressions.of_number(NUMBER)] == [sponsor_scope(campaign.sponsor_id)]
    second = scene.campaign(1, sponsor="Jean Dupont", batch_id=campaign.batch_id)
    [attempt] = scene.dialing(second)
    scene.store.suppressions.stop_attempt(attempt, 40)
    assert {stop.scope for stop in scene.store.suppressions.of_number(NUMBER)} == {
        PLATFORM, sponsor_scope(campaign.sponsor_id), sponsor_scope(second.sponsor_id),
    }  # fmt: skip
    third = scene.campaign(1, sponsor="Anne Leroy", batch_id=campaign.batch_id)
    assert scene.claim(third, 1) == []


def test_a_second_nine_in_one_call_is_a_stop_of_all_by_whatever_way_it_comes(scene: Scene) -> None:
    again = KeyPress("9", Segment.CONFIRMATION, 100, 600)
    told_by: list[Callable[[str], object]] = [
        lambda attempt: scene.store.suppressions.stop_attempt(attempt, 40, of_all=True),
        lambda attempt: recording.record([recording.stop_result(attempt, 40, of_all=True)], scene.store),
        lambda attempt: recording.record(
            [recording.listen_result(listen(attempt, keys=(again,), stop_at_ms=500))], scene.store
        ),
    ]
    campaign = scene.campaign(len(told_by))
    for attempt, tell in zip(scene.dialing(campaign, len(told_by)), told_by, strict=True):
        number = scene.store.suppressions.stop_attempt(attempt, 30) or ""
        assert len(scene.store.suppressions.of_number(number)) == 1
        tell(attempt)
        stops = scene.store.suppressions.of_number(number)
        assert [(stop.scope, stop.reason) for stop in stops if stop.covers_all][-1] == (PLATFORM, "key 9")
    other = scene.campaign(1, sponsor="Jean Dupont", batch_id=campaign.batch_id)
    assert scene.claim(other, len(told_by)) == []


def test_importing_a_number_again_revives_nothing(scene: Scene) -> None:
    first = scene.campaign(1, batch_id=listed(scene))
    [attempt] = scene.dialing(first)
    scene.store.suppressions.stop_attempt(attempt, now_ms())
    record(scene, whole(NUMBER))  # given before the stop, handed over after it
    file = scene.settings.home / "again.csv"
    file.write_text(f"telephone\n{NUMBER}\n", encoding="utf-8")
    config = _config(scene)
    assert CliRunner().invoke(cli, [*config, "contacts", "import", str(file)]).exit_code == 0
    [batch] = [batch for batch in scene.store.contacts.batches() if batch.name == "again"]
    again = scene.campaign(1, batch_id=batch.id)
    assert scene.claim(again, 1) == []
    books = scene.store.campaigns.books(again.id)
    assert books.not_allowed == {"suppressed": 1}
    assert TargetState.DUE not in scene.states("targets").values()


def test_only_a_new_and_whole_consent_of_the_person_lifts_a_stop(scene: Scene) -> None:
    record(scene, whole(NUMBER, election="before the stop"))
    scope = sponsor_scope(sponsor(scene))
    scene.store.suppressions.add(NUMBER, scope, "letter", now_ms() - 600_000)
    scene.store.suppressions.add(NUMBER, PLATFORM, "web", now_ms())

    def lift() -> None:
        consenting.lift_stop(scene.store, scene.settings, SPONSOR, NUMBER)

    with pytest.raises(Refused, match="there is none"):
        lift()
    anew = {"captured_at": ago(minutes=5), "possession_sent_at": ago(minutes=4), "possession_verified_at": None}
    record(scene, whole(NUMBER, **anew))
    with pytest.raises(Refused, match="there is none"):
        lift()
    record(scene, whole(NUMBER, **anew | {"possession_verified_at": ago(minutes=3)}))
    lift()
    assert [stop.scope for stop in scene.store.suppressions.of_number(NUMBER)] == [PLATFORM]
    assert [grant.scope for grant in grants(scene)] == [""]
    [entry] = scene.store.journal.entries(scope)
    assert entry["kind"] == "stop-lifted"
    assert NUMBER[1:] not in json.dumps(entry)
    with pytest.raises(Refused, match="not told to stop"):
        lift()


def test_two_who_record_at_once_make_one_chain(scene: Scene) -> None:
    sponsor(scene)
    said = [whole(f"+331990020{n:02d}") for n in range(30)]
    files = [said[:10], said[10:20], said[20:], said[5:15]]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda file: record(scene, *file), files))
    head, broken = scene.store.consents.verify()
    assert (head.seq, broken) == (30, None)


TAMPERINGS = {
    "content": "UPDATE consent_events SET body = replace(body, 'form-3', 'form-4') WHERE seq = 2",
    "column": "UPDATE consent_events SET sponsor_id = sponsor_id + 1 WHERE seq = 2",
    "instant": "UPDATE consent_events SET at_ms = at_ms - 1 WHERE seq = 2",
    "hash": "UPDATE consent_events SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 2",
    "link": "UPDATE consent_events SET prev_hash = substr(prev_hash, 2) WHERE seq = 2",
    "gone": "DELETE FROM consent_events WHERE seq = 2",
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_is_changed_in_the_books_is_found(scene: Scene, tampering: str) -> None:
    record(scene, *(whole(f"+3319900200{n}") for n in range(3)))
    sponsor(scene, "another")
    known, broken = scene.store.consents.verify()
    assert broken is None
    with scene.store.database.write() as connection:
        connection.execute(text(TAMPERINGS[tampering]))
    head, broken = scene.store.consents.verify(known)
    assert broken is not None
    assert (head.seq, broken.seq) == (1, 2)


def test_a_cut_end_is_found_by_who_knew_it(scene: Scene) -> None:
    record(scene, *(whole(f"+3319900200{n}") for n in range(3)))
    known, _ = scene.store.consents.verify()
    with scene.store.database.write() as connection:
        connection.execute(text("DELETE FROM consent_events WHERE seq = 3"))
    assert scene.store.consents.verify()[1] is None
    assert scene.store.consents.verify(known)[1] is not None


def _config(scene: Scene) -> list[str]:
    file = scene.settings.home / "portevoix.toml"
    file.write_text(f"[database]\nurl = '{scene.settings.database.url}'\n", encoding="utf-8")
    return ["--config", str(file)]


def test_the_commands(scene: Scene, tmp_path: Path) -> None:
    config, run = _config(scene), CliRunner().invoke
    file = tmp_path / "consents.jsonl"
    lines = [json.dumps(whole(NUMBER)), "", json.dumps(whole("+33199001001", explicit=False)), '{"number": "12"}']
    file.write_text("\n".join(lines), encoding="utf-8")
    missing = run(cli, [*config, "consent", "import", str(file), "--sponsor", SPONSOR])
    assert isinstance(missing.exception, NotFound)
    assert run(cli, [*config, "sponsor", "add", SPONSOR, "--type", "candidate"]).exit_code == 0
    done = run(cli, [*config, "consent", "import", str(file), "--sponsor", SPONSOR])
    assert done.exit_code == 1
    assert "2 consents recorded" in done.output
    assert "weak, explicit cannot be shown: 1" in done.output
    assert "line 4" in done.output
    assert "grants: 1 by automated_voice" in done.output
    taken = run(cli, [*config, "consent", "withdraw", NUMBER, "--sponsor", SPONSOR, "--how", "letter"])
    assert "grants that ended: 1" in taken.output
    assert [event["kind"] for event in json.loads(run(cli, [*config, "consent", "show", NUMBER]).output)] == [
        "given", "withdrawn",
    ]  # fmt: skip
    whole_ = run(cli, [*config, "consent", "verify"])
    assert (whole_.exit_code, "consents: whole, 3 entries" in whole_.output) == (0, True)
    with scene.store.database.write() as connection:
        connection.execute(text("UPDATE consent_events SET body = replace(body, 'fr', 'en') WHERE seq = 1"))
    broken = run(cli, [*config, "consent", "verify"])
    assert broken.exit_code == 1
    assert "BROKEN at entry 1: its content was changed" in broken.output.replace("\n", " ")
