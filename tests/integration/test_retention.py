"""What may not be kept is deleted in pieces, each with a certificate; holds win; the books stay as they are."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from ivr.adapters.store import deletions
from ivr.adapters.store.contacts import FileOrigin
from ivr.doors.cli import cli
from ivr.errors import BadSetting, NotFound, Refused
from ivr.rules.lifetimes import DAY_MS, LAW, LINK_MS, NUMBER_MS, RECORDING_MS, YEAR_MS
from ivr.rules.provenance import Provenance, SourceType
from ivr.rules.records import Campaign
from ivr.rules.rights import Right
from ivr.rules.states import CampaignState
from ivr.usecases import holding, retaining, rights
from ivr.usecases.campaigns import now_ms
from tests.integration.consents import record, whole
from tests.integration.scene import Scene

ROLL = Provenance(SourceType.ELECTORAL_ROLL, delete_at=date(2026, 6, 30))
FORM = replace(ROLL, source_type=SourceType.DIRECT_FORM, delete_at=None)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "AT_ONCE", 2)


def number(n: int) -> str:
    return f"+33199001{n:03d}"


def delivery(scene: Scene, name: str, people: range, provenance: Provenance = ROLL) -> int:
    origin = FileOrigin(name, f"{name}.csv", f"{name:0>64}")
    numbers = iter([(number(n), "mobile") for n in people])
    return scene.store.contacts.import_batch(origin, numbers, lambda: 0, 1, provenance).id


def delete(scene: Scene, at_ms: int = 0) -> list[retaining.Deleted]:
    return list(retaining.pieces(scene.store, scene.settings, "anne", at_ms or now_ms()))


def told(done: list[retaining.Deleted]) -> tuple[int, int, dict[str, int]]:
    """How many are gone, how many left a delivery, of how many something is kept and why."""
    held: Counter[str] = Counter()
    for one in done:
        held.update(one.held or {})
    return sum(one.gone for one in done), sum(one.left for one in done), dict(held)


def kept(scene: Scene) -> set[int]:
    """Whose numbers are in the books."""
    names = {row[0] for row in scene.rows("SELECT number FROM contacts")}
    return {n for n in range(10) if number(n) in names}


def nothing_is_due(scene: Scene, at_ms: int) -> bool:
    return not retaining.due(scene.store, at_ms) and not delete(scene, at_ms)


def named(scene: Scene, first: str) -> int:
    """How many contacts have a name that begins so."""
    return sum(row[0].startswith(first) for row in scene.rows("SELECT number FROM contacts"))


def called(scene: Scene, campaign: Campaign, count: int = 1, days_ago: int = 0) -> None:
    """So many people were called, and did not answer."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    attempts, at_ms = scene.claim(campaign, count, at=at), int(at.timestamp() * 1000)
    assert len(scene.store.attempts.begin_dialing_many(attempts, scene.ask(at), at_ms)) == count
    scene.store.listens.record([], [{"attempt": one, "outcome": "no_answer", "at_ms": at_ms} for one in attempts])


def test_a_delivery_whose_day_has_come_leaves_nothing_and_the_books_balance(scene: Scene) -> None:
    roll, _ = delivery(scene, "roll", range(5)), delivery(scene, "form", range(4, 6), FORM)
    campaign = scene.campaign(1, batch_id=roll)
    [attempt] = scene.dialing(campaign)
    [due] = retaining.due(scene.store, now_ms())
    assert (due.object, due.rule, due.count, due.held) == ("batch:roll", "batch-date", 5, "")
    assert told(delete(scene)) == (3, 1, {})
    assert kept(scene) == {0, 4, 5}  # 0 is being called, 4 and 5 are in the other delivery
    assert scene.store.campaigns.books(campaign.id).not_allowed == {"erased": 4}
    scene.store.listens.record([], [{"attempt": attempt, "outcome": "no_answer", "at_ms": now_ms()}])
    before = scene.store.tallies.snapshot(campaign.id, 0)
    assert told(delete(scene)) == (1, 0, {})
    assert kept(scene) == {4, 5}
    assert (named(scene, "~"), named(scene, "-")) == (4, 0)  # all of them are in the campaign's books
    assert scene.store.tallies.snapshot(campaign.id, 0) == before  # what reports are made of
    assert (before[0].targets, before[0].balance, before[0].outcomes) == (5, True, {"no_answer": 1})
    assert nothing_is_due(scene, now_ms())
    assert [said["gone"] + said["left"] for said, good in retaining.certificates(scene.store) if good] == [1, 2, 1, 1]


def test_whoever_is_killed_in_between_goes_on_where_they_were(scene: Scene) -> None:
    delivery(scene, "roll", range(5))
    next(retaining.pieces(scene.store, scene.settings, "anne", now_ms()))  # the rest is never asked for
    assert kept(scene) == {2, 3, 4}
    assert told(delete(scene)) == (3, 0, {})
    assert (kept(scene), named(scene, "-")) == (set(), 5)  # nobody called them: nothing links to them
    assert scene.store.journal.verify()[1] is None


def test_what_was_gathered_for_an_election_ends_a_month_after_it(scene: Scene) -> None:
    batch = delivery(scene, "form", range(2), FORM)
    scene.campaign(1, batch_id=batch, pack="fr", election="fr-presidential-2027")
    assert retaining.due(scene.store, now_ms()) == []
    [due] = retaining.due(scene.store, now_ms() + 2 * YEAR_MS)
    assert (due.object, due.rule, due.count) == ("batch:form", "batch-election", 2)
    assert told(delete(scene, now_ms() + 2 * YEAR_MS)) == (2, 0, {})


def test_a_hold_wins_and_says_why_until_it_is_released(scene: Scene) -> None:
    batch = delivery(scene, "roll", range(4))
    campaign = scene.campaign(1, batch_id=batch, name="spring")
    delivery(scene, "second roll", range(3, 5))
    hold = holding.hold(scene.store, scene.settings, "campaign:spring", "case 12/2026")
    mine = holding.hold(scene.store, scene.settings, f"number:{number(4)}", "letter of 3 May")
    whys = {f"hold {hold.id}: case 12/2026": 5, f"hold {mine.id}: letter of 3 May": 1}
    assert told(delete(scene)) == (0, 0, whys)
    assert kept(scene) == {0, 1, 2, 3, 4}
    case, e164 = rights.ask(scene.store, scene.settings, Right.ERASE, number(0), "letter")
    answer = rights.answer(scene.store, case, e164, "passport shown")
    assert answer["held"] == f"hold {hold.id}: case 12/2026"
    assert 0 in kept(scene)
    assert scene.store.suppressions.blocked_among([number(0)], campaign.sponsor_id)
    for one in (hold, mine):
        holding.release(scene.store, one.id, "judged")
    assert told(delete(scene))[0] == 5
    assert kept(scene) == set()
    with pytest.raises(NotFound):
        holding.release(scene.store, hold.id, "again")
    assert number(4)[1:] not in json.dumps(scene.store.journal.entries())


def test_a_whole_delivery_and_everything_can_be_held(scene: Scene) -> None:
    delivery(scene, "roll", range(2))
    for object_ in ("batch:roll", "everything"):
        hold = holding.hold(scene.store, scene.settings, object_, "dispute", "2099-12-31")
        [due] = retaining.due(scene.store, now_ms())
        assert due.held == f"hold {hold.id}: dispute"
        assert told(delete(scene)) == (0, 0, {due.held: 2})
        holding.release(scene.store, hold.id, "judged")
    for object_, error in (("roll", Refused), ("batch:none", NotFound), ("campaign:none", NotFound), ("x:y", Refused)):
        with pytest.raises(error):
            holding.hold(scene.store, scene.settings, object_, "dispute")
    with pytest.raises(Refused, match="why"):
        holding.hold(scene.store, scene.settings, "everything", " ")
    with pytest.raises(BadSetting, match="2027-12-31"):
        holding.hold(scene.store, scene.settings, "everything", "dispute", "soon")


def test_a_number_is_hidden_a_year_after_its_last_call_and_its_link_goes_after_five(scene: Scene) -> None:
    campaign = scene.campaign(1, batch_id=delivery(scene, "form", range(4), FORM))
    called(scene, campaign, 3, days_ago=10)
    record(scene, whole(number(0)))  # agreed today to be called, for a year
    scene.campaign(1, batch_id=delivery(scene, "again", range(1, 2), FORM))  # is to call 1 again
    year = now_ms() + NUMBER_MS - 10 * DAY_MS
    assert nothing_is_due(scene, year - DAY_MS)
    assert [(due.object, due.count) for due in retaining.due(scene.store, year + DAY_MS)] == [("numbers:hidden", 3)]
    assert told(delete(scene, year + DAY_MS)) == (1, 0, {})
    assert kept(scene) == {0, 1, 3}  # 3 was not called yet
    known = scene.store.persons.known(number(2))
    assert (known["kept"], len(known["calls"])) == (False, 1)  # whoever brings the number is told of the call
    five = now_ms() + LINK_MS
    assert told(delete(scene, five)) == (3, 0, {})  # 0's consent has ended: hidden and then linked to nothing, as is 2
    assert (kept(scene), named(scene, "~"), named(scene, "-")) == ({1, 3}, 0, 2)
    assert scene.store.persons.known(number(2))["calls"] == []
    assert scene.store.campaigns.books(campaign.id).balance


def test_who_was_called_in_canada_keeps_the_number_and_nothing_else_for_three_years(scene: Scene) -> None:
    batch = delivery(scene, "roll", range(1))
    called(scene, scene.campaign(1, batch_id=batch, texts={"jurisdiction": "ca"}))
    with scene.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE contacts SET postcode = '75001'")
    assert told(delete(scene)) == (0, 0, {LAW: 1})
    assert kept(scene) == {0}
    assert scene.rows("SELECT count(*) FROM batch_contacts WHERE batch_id = 1") == [(0,)]
    assert scene.store.persons.known(number(0))["facts"]["postcode"] is None
    assert told(delete(scene, now_ms() + 3 * YEAR_MS + DAY_MS)) == (1, 0, {})
    assert kept(scene) == set()


def test_who_comes_back_and_is_hidden_again_has_both_calls(scene: Scene) -> None:
    for name in ("one", "two"):
        called(scene, scene.campaign(1, batch_id=delivery(scene, name, range(1))))
        assert told(delete(scene)) == (1, 0, {})
    assert len(scene.store.persons.known(number(0))["calls"]) == 2


def test_a_recording_goes_seven_years_after_its_last_campaign(scene: Scene) -> None:
    campaign = scene.campaign(1)
    scene.store.campaigns.move(campaign, CampaignState.STOPPED, now_ms())
    [message] = scene.store.messages.of_campaign(campaign.id)
    original = scene.settings.originals_dir / message.original_sha256
    original.parent.mkdir(parents=True)
    original.write_bytes(b"sound")
    alaw = scene.settings.sounds_dir / f"{message.sound}.alaw"
    after = now_ms() + RECORDING_MS + DAY_MS
    assert told(delete(scene, after - 2 * DAY_MS)) == (0, 0, {})
    hold = holding.hold(scene.store, scene.settings, f"message:{message.name}", "dispute")
    assert told(delete(scene, after))[2] == {f"hold {hold.id}: dispute": 1}
    holding.release(scene.store, hold.id, "judged")
    other = scene.campaign(1)  # plays the same sound, and is not over
    assert told(delete(scene, after)) == (0, 0, {})
    scene.store.campaigns.move(other, CampaignState.STOPPED, now_ms())
    assert original.exists()
    assert alaw.exists()
    assert told(delete(scene, after)) == (2, 0, {})
    assert not original.exists()
    assert not alaw.exists()
    assert nothing_is_due(scene, after)


def test_it_is_done_by_itself_a_piece_at_a_time_and_again_a_day_later(scene: Scene) -> None:
    retainer = retaining.Retainer(scene.settings, scene.store)
    delivery(scene, "roll", range(3))
    retainer.step(now_ms())
    assert kept(scene) == {2}
    for _ in range(2):
        retainer.step(now_ms())
    assert kept(scene) == set()
    delivery(scene, "second roll", range(1))
    retainer.step(now_ms())
    assert kept(scene) == {0}
    retainer.step(now_ms() + DAY_MS + 60_000)
    assert kept(scene) == set()
    assert {entry["by"] for entry in scene.store.journal.of_kinds(deletions.KIND)} == {"portevoix"}


def test_a_changed_certificate_is_found(scene: Scene) -> None:
    delivery(scene, "roll", range(1))
    delete(scene)
    [(said, good)] = retaining.certificates(scene.store)
    assert good
    assert (said["object"], said["gone"], said["rule"]) == ("batch:roll", 1, "batch-date")
    scene.store.journal.add(deletions.KIND, "batch:roll", "mallory", now_ms(), **(said | {"gone": 2}))
    assert [good for _, good in retaining.certificates(scene.store)] == [True, False]


def test_the_commands(scene: Scene) -> None:
    config = scene.settings.home / "portevoix.toml"
    config.write_text(f"[database]\nurl = '{scene.settings.database.url}'\n", encoding="utf-8")
    delivery(scene, "roll", range(2))

    def run(*words: str) -> Result:
        done = CliRunner().invoke(cli, ["--config", str(config), "retention", *words])
        assert done.exit_code == 0, done.exception
        return done

    run("hold", "batch:roll", "--why", "case 12", "--until", "2099-12-31")
    id_ = run("holds").output.splitlines()[1].split()[0]
    [due] = json.loads(run("due", "--json").output)
    assert (due["object"], due["held"]) == ("batch:roll", f"hold {id_}: case 12")
    assert f"hold {id_}" in run("due").output
    assert "2 kept: hold" in run("run").output
    run("release", id_, "--why", "judged")
    assert "batch:roll: 2 deleted" in run("run").output
    assert json.loads(run("certificates").output)["signature_holds"] is True
    assert "nothing is due" in run("due").output + run("run").output
