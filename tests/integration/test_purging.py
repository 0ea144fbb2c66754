"""What single people heard is deleted after some days, and nothing that reports, invoices or proofs say changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from click.testing import CliRunner

from ivr.adapters.store import Store
from ivr.doors.cli import cli
from ivr.doors.report.forms import FORMS
from ivr.rules.findings import Weight
from ivr.rules.records import Campaign
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment
from ivr.usecases import evidence, purging, reports
from ivr.usecases.invoicing import invoice_of
from ivr.usecases.originating import first_id_of
from ivr.usecases.recording import Result, end_result, listen_result, record, stop_result
from ivr.usecases.reports import report_of
from tests.integration.scene import ON_POSTGRES, ON_SQLITE, Scene, check_counts, listen
from tests.integration.test_invoices import TERMS

PEOPLE = 45


def later_ms(days: float = 30.1) -> int:
    return int((time.time() + days * 86_400) * 1000)


def purge(scene: Scene, at_ms: int | None = None) -> int:
    return purging.purge(scene.store, scene.settings, at_ms or later_ms(), "me", lambda _: None)


def told(scene: Scene, campaign: Campaign) -> list[Result]:
    """What comes in of a campaign in which people leave, are cut, press 9 and hear by the dialplan."""
    results: list[Result] = []
    attempts = scene.dialing(campaign, PEOPLE)
    scene.store.attempts.answer_many(dict.fromkeys(attempts, 60))
    for number, attempt in enumerate(attempts):
        how: dict[str, Any] = {"ended_by": (EndedBy.LISTENER, EndedBy.NETWORK, EndedBy.US)[number % 3]}
        if number % 11 == 1:
            how |= {"keys": (KeyPress("9", Segment.MESSAGE, 700, 1700),), "stop_at_ms": 1700}
        heard = listen(attempt, min(97 * number + 35, 4_000), **how)
        results += [listen_result(heard), end_result(attempt, "answered", 90 + number, cause=16)]
    return results


@pytest.fixture
def over(scene: Scene) -> tuple[Campaign, list[Result]]:
    campaign = scene.campaign(PEOPLE, terms=TERMS.plain())
    results = told(scene, campaign)
    record(results, scene.store)
    return campaign, results


def everything(scene: Scene, campaign: Campaign) -> dict[str, object]:
    """All that is ever told of a campaign."""
    report = report_of(scene.store, campaign)
    forms: dict[str, object] = {name: form(report, None) for name, form in FORMS.items()}
    return forms | {"invoice": invoice_of(scene.store, campaign.name).sha256}


def test_every_form_of_a_report_is_the_same_before_and_after(
    scene: Scene, over: tuple[Campaign, list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "now_ms", lambda: 1_800_000_000_000)
    campaign, _ = over
    before = everything(scene, campaign)
    assert purging.due(scene.store, scene.settings, later_ms()) == {campaign.name: PEOPLE}
    assert purge(scene) == PEOPLE
    assert everything(scene, campaign) == before
    assert purging.due(scene.store, scene.settings, later_ms()) == {}
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)]
    left = "answered_at_ms IS NULL AND ended_at_ms IS NULL AND billed_s IS NULL"
    assert scene.rows(f"SELECT count(*) FROM attempts WHERE {left} AND outcome = 'answered'") == [(PEOPLE,)]  # noqa: S608
    with scene.store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM tally_cells")
    scene.store.migrate()
    assert scene.rows("SELECT * FROM tally_cells") == [], "what is left is never counted as if it were all"


def test_what_is_told_of_a_forgotten_call_is_neither_kept_nor_counted(
    scene: Scene, over: tuple[Campaign, list[Result]]
) -> None:
    campaign, results = over
    purge(scene)
    before = scene.store.tallies.snapshot(campaign.id)
    by_dialplan = [
        listen_result(Listen(one["attempt"], (Play(Segment.NOTICE, "n", 9, 2000, 10),), measured_by="dialplan"))
        for one in results
    ]
    ends = [end_result(one["attempt"], outcome, 95, cause=38) for one in results for outcome in ("answered", "busy")]
    stop = stop_result(results[0]["attempt"], 1)
    record([*results, *by_dialplan, *ends, stop], scene.store)
    assert scene.store.tallies.snapshot(campaign.id) == before
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)]
    assert scene.store.listens.without_listen() == []
    number = "+33639981000"
    assert scene.store.suppressions.blocked_among([number], campaign.sponsor_id) == {number}, "a stop is always heard"


def test_what_is_younger_open_or_not_measured_yet_is_kept(scene: Scene) -> None:
    campaign = scene.campaign(4)
    ended, open_, unheard, _ = scene.dialing(campaign, 4)
    record([listen_result(listen(ended)), end_result(ended, "answered", 90)], scene.store)
    record([listen_result(listen(open_)), end_result(unheard, "answered", 90)], scene.store)
    assert purge(scene, later_ms(29.9)) == 0
    check_counts(scene, campaign)
    assert purge(scene) == 1
    assert scene.rows("SELECT attempt_id FROM listens") == [(open_,)]
    record([listen_result(listen(unheard, 1_000)), end_result(open_, "answered", 90)], scene.store)
    report = report_of(scene.store, campaign)
    assert (report.answered, report.books.doubts) == (3, {})
    assert purge(scene) == 2
    assert report_of(scene.store, campaign).measures == report.measures


def test_who_is_killed_goes_on_where_they_were(
    scene: Scene, over: tuple[Campaign, list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "PIECE", 10)
    campaign, _ = over
    before = scene.store.tallies.snapshot(campaign.id)

    def killed(done: int) -> None:
        raise KeyboardInterrupt(done)

    with pytest.raises(KeyboardInterrupt, match="10"):
        purging.purge(scene.store, scene.settings, later_ms(), "me", killed)
    assert scene.rows("SELECT count(*) FROM listens") == [(PEOPLE - 10,)]
    assert scene.store.tallies.snapshot(campaign.id) == before
    assert purge(scene) == PEOPLE - 10
    assert scene.store.tallies.snapshot(campaign.id) == before
    entries = [one for one in scene.store.journal.entries(f"campaign:{campaign.name}") if "forgotten" in one["kind"]]
    assert [one["said"]["calls"] for one in entries] == [10, 10, 10, 10, 5]
    assert {one["by"] for one in entries} == {"me"}


@ON_POSTGRES
def test_those_who_purge_and_record_at_once_lose_and_add_nothing(
    scene: Scene, over: tuple[Campaign, list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "PIECE", 3)
    campaign, results = over
    before = scene.store.tallies.snapshot(campaign.id)

    def apart(work: Callable[[Store], int]) -> int:
        store = Store(scene.settings)
        done = work(store)
        store.close()
        return done

    def purging_store(store: Store) -> int:
        return purging.purge(store, scene.settings, later_ms(), "me", lambda _: None)

    def recording_again(store: Store) -> int:
        for first in range(0, len(results), 2):
            record(results[first : first + 2], store)
        return 0

    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(apart, work) for work in (purging_store, purging_store, recording_again)]
        assert sum(one.result(timeout=60) for one in done) == PEOPLE
    assert scene.store.tallies.snapshot(campaign.id) == before
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)]


def test_a_controller_does_it_by_itself_piece_by_piece(
    scene: Scene, over: tuple[Campaign, list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "PIECE", 40)
    purger, at_ms = purging.Purger(scene.settings, scene.store), later_ms()
    left = []
    for after_s in (0, 1, 2, 3_599):
        purger.step(at_ms + after_s * 1000)
        left += scene.rows("SELECT count(*) FROM listens")
    assert left == [(PEOPLE - 40,), (0,), (0,), (0,)]
    heard_one_more(scene)
    purger.step(at_ms + 3_600_000)
    assert scene.rows("SELECT count(*) FROM listens") == [(1,)], "it has looked within the hour"
    purger.step(at_ms + 3_602_000)
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)]
    heard_one_more(scene)
    purger.step(at_ms - 86_400_000 // 20)
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)], "a clock that was stepped back holds nothing up"


def heard_one_more(scene: Scene) -> None:
    [attempt] = scene.dialing(scene.campaign(1))
    record([listen_result(listen(attempt)), end_result(attempt, "answered", 90)], scene.store)


def test_doctor_access_and_evidence_bear_it(scene: Scene, over: tuple[Campaign, list[Result]]) -> None:
    campaign, results = over
    purge(scene)
    booked = scene.store.audit.booked("pbx1", first_id_of(0))
    assert all(one.has_listen for _, one in booked.values()), "what is forgotten is no lost listen"
    [call] = scene.store.persons.known("+33639981001")["calls"]
    assert (call["outcome"], call["message_ms"], call["keys"], call["answered_at_ms"]) == ("answered", None, None, None)
    assert call["forgotten_at_ms"] > results[0]["at_ms"]
    written = evidence.write(scene.store, scene.settings, campaign.name, scene.settings.home / "evidence.zip")
    assert evidence.verify(written).campaign == campaign.name


def test_the_doctor_says_when_nobody_does_it(
    scene: Scene, over: tuple[Campaign, list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    for days in (30.5, 31.5):
        monkeypatch.setattr(purging, "now_ms", partial(later_ms, days))
        [found] = purging.examine(scene.store, scene.settings)
        weights.append(found.weight)
    assert weights == [Weight.OK, Weight.WRONG]


@ON_SQLITE
def test_by_hand_it_says_what_is_due_and_does_it(
    scene: Scene, over: tuple[Campaign, list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing that was heard is left in the file."""
    campaign, results = over
    monkeypatch.setenv("IVR_VAR", str(scene.settings.var_dir))
    monkeypatch.setattr(import_module("ivr.doors.cli.report"), "now_ms", later_ms)
    for arguments, says, left in (
        (["--due"], f"{campaign.name}: {PEOPLE} calls before", PEOPLE),
        ([], f"what was heard in {PEOPLE} calls is deleted", 0),
        ([], "nothing is due", 0),
    ):
        done = CliRunner().invoke(cli, ["report", "purge", *arguments], catch_exceptions=False)
        assert says in done.output
        assert scene.rows("SELECT count(*) FROM listens") == [(left,)]
    scene.store.close()
    file = (scene.settings.var_dir / "portevoix.db").read_bytes()
    assert results[0]["attempt"].encode() in file
    assert b'[["message", "mmmmmmmm"' not in file
