"""What reports are made of says what every call says, at every moment, whoever changes it and in whatever order."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from alembic import command

from ivr.adapters.store import Store, tables
from ivr.adapters.store.contacts import FileOrigin
from ivr.rules.records import Campaign
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment
from ivr.rules.tally import UNIT
from ivr.usecases.recording import Result, end_result, listen_result, record
from ivr.usecases.reports import report_of
from tests.integration.scene import ON_POSTGRES, Scene, check_counts, listen
from tests.integration.test_store_costs import statements

NINE: dict[str, Any] = {"keys": (KeyPress("9", Segment.MESSAGE, 700, 1700),), "stop_at_ms": 1700}


def test_whatever_is_recorded_in_whatever_order_is_counted_once(scene: Scene) -> None:
    campaign = scene.campaign(12)
    attempts = scene.dialing(campaign, 12)
    dice = random.Random(3)
    results: list[Result] = []
    for number, attempt in enumerate(attempts):
        heard = listen(attempt, 300 * number, **(NINE if number == 5 else {}))
        by_dialplan = Listen(attempt, (Play(Segment.NOTICE, "n", 2000, 2000, 10),), measured_by="dialplan", at_ms=60)
        cause = 38 if number == 7 else 16
        results += [end_result(attempt, dice.choice(["answered", "unknown", "busy"]), 90, cause=cause)]
        results += [listen_result(heard)] * (number % 3 > 0) + [listen_result(by_dialplan)] * (number % 4 == 1)
    for _ in range(2):
        dice.shuffle(results)
        for first in range(0, len(results), 5):
            record(results[first : first + 5], scene.store)
            check_counts(scene, campaign)
    report = report_of(scene.store, campaign)
    assert report.books.balance
    assert set(report.doubts) <= {"answered_without_listen", "fallback", "ended_by_unknown"}


def test_what_is_recorded_again_writes_nothing(scene: Scene) -> None:
    [attempt] = scene.dialing(scene.campaign(1))
    results = [listen_result(listen(attempt)), end_result(attempt, "answered", 90)]
    record(results, scene.store)
    with statements(scene) as seen:
        record(results, scene.store)
    assert [sql for sql, _ in seen if "tally" in sql] == []


def test_what_the_dialplan_adds_to_a_call_corrects_its_sums(scene: Scene) -> None:
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign)
    script = listen(attempt, 1000, error="the call script failed")
    record([listen_result(script), end_result(attempt, "answered", 90)], scene.store)
    assert scene.store.tallies.whole(campaign.id)[0]["share"] == UNIT // 4
    rest = Listen(attempt, (Play(Segment.MESSAGE, "m", 4000, 4000, 10),), measured_by="dialplan", at_ms=70)
    record([listen_result(replace(rest, ended_by=EndedBy.US))], scene.store)
    sums = scene.store.tallies.whole(campaign.id)[0]
    assert (sums["calls"], sums["heard"], sums["share"], sums["stayed"], sums["cut"]) == (1, 1, UNIT, 1, 0)
    check_counts(scene, campaign)


def test_calls_of_a_lost_pbx_are_counted_as_unknown(scene: Scene) -> None:
    campaign = scene.campaign(3)
    scene.dialing(campaign, 2)
    assert scene.store.attempts.close_lost("pbx1", 10**15, 100) == 2
    check_counts(scene, campaign)
    report = report_of(scene.store, campaign)
    assert {part.id: part.count for part in report.outcomes if part.count} == {"unknown": 2}


def test_targets_are_counted_whoever_moves_them(scene: Scene) -> None:
    campaign, other = scene.campaign(4), scene.campaign(2)
    with scene.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE targets SET state = 'done', outcome = 'busy' WHERE id = 1")
        connection.exec_driver_sql("UPDATE targets SET due_at_ms = 7")
        connection.exec_driver_sql("DELETE FROM targets WHERE id = 2")
    check_counts(scene, campaign)
    check_counts(scene, other)
    scene.store.tallies.fold()
    check_counts(scene, campaign)
    books = scene.store.campaigns.books(campaign.id)
    assert (books.targets, books.due, books.outcomes) == (3, 2, {"busy": 1})


@ON_POSTGRES
def test_those_who_record_and_claim_at_once_lose_no_count(scene: Scene) -> None:
    campaign = scene.campaign(60)
    attempts = scene.dialing(campaign, 40)

    def work(number: int) -> None:
        store = Store(scene.settings)
        for attempt in attempts[number::4]:
            record([listen_result(listen(attempt, 1000)), end_result(attempt, "answered", 90)], store)
            store.tallies.fold()
        store.close()

    with ThreadPoolExecutor(5) as threads:
        done = [threads.submit(work, number) for number in range(4)]
        done.append(threads.submit(lambda: [scene.claim(campaign, 2) for _ in range(10)]))  # type: ignore[arg-type]
        for one in done:
            one.result(timeout=60)
    check_counts(scene, campaign)
    assert scene.store.tallies.whole(campaign.id)[0]["heard"] == 40
    scene.store.tallies.fold()
    assert scene.rows("SELECT count(*) FROM target_counts WHERE origin <> 0") == [(0,)]


def test_calls_made_before_there_were_tallies_are_counted_by_the_migration(scene: Scene) -> None:
    campaign = scene.campaign(3)
    heard, busy, _ = scene.dialing(campaign, 3)
    ends = [end_result(heard, "answered", 90), end_result(busy, "busy", 90)]
    record([listen_result(listen(heard, 1200, **NINE)), *ends], scene.store)
    before = scene.store.tallies.snapshot(campaign.id)
    with scene.store.database.write() as connection:
        for table in ("tally_cells", "tally_instants", "tally_stops"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    scene.store.migrate()
    assert scene.store.tallies.snapshot(campaign.id) == before
    check_counts(scene, campaign)
    for _ in range(2):
        scene.store.migrate()
    assert scene.store.tallies.snapshot(campaign.id) == before, "counted once"


def test_a_report_is_read_from_the_sums_alone(scene: Scene) -> None:
    campaign = scene.campaign(2)
    first, _ = scene.dialing(campaign, 2)
    record([listen_result(listen(first, 1234)), end_result(first, "answered", 90)], scene.store)
    with statements(scene) as seen:
        report = report_of(scene.store, campaign)
    assert not [sql for sql, _ in seen if "listens" in sql or "FROM targets" in sql]
    assert report.answered == 1
    assert report.measure("dialled").value == 2


def cells(scene: Scene, campaign: Campaign, dimension: str) -> dict[str, int]:
    """How many of its calls were answered, by value."""
    [tally] = scene.store.tallies.snapshot(campaign.id)[1]
    return {value: sums["answered"] for value, sums in tally.values(dimension).items()}


def test_calls_are_told_by_the_number_that_was_shown_and_the_batch_that_came_first(scene: Scene) -> None:
    first = scene.campaign(2, start=False)
    numbers = [("+33639981000", "mobile"), ("+33639985001", "mobile"), ("+33639985002", "mobile")]
    origin = FileOrigin("second" + "-" * 70, "list.csv", "f" * 64)
    batch = scene.store.contacts.import_batch(origin, iter(numbers), lambda: 0, 1)  # in the same millisecond
    campaign = scene.campaign(1, batch_id=batch.id)
    attempts = scene.claim(campaign, 3)
    for some, number in ((attempts[:2], "+33199000001"), (attempts[2:], "+33199000002")):
        assert scene.store.attempts.begin_dialing_many(some, scene.ask(), 20, {"lab": number})
    record([end_result(attempt, "answered", 90) for attempt in attempts], scene.store)
    record([listen_result(listen(attempt, 1_000)) for attempt in attempts], scene.store)
    assert cells(scene, campaign, "caller_id") == {"+33199000001": 2, "+33199000002": 1}
    assert cells(scene, campaign, "batch") == {"list-1": 1, origin.name[:64]: 2}, (first.name, "brought one of them")
    check_counts(scene, campaign)


def test_calls_from_before_the_number_shown_was_kept_are_told_as_not_known(scene: Scene) -> None:
    campaign = scene.campaign(2)
    early, late = scene.dialing(campaign, 2)
    record([listen_result(listen(early, 1_000)), end_result(early, "answered", 90)], scene.store)
    command.downgrade(tables.config(scene.store.database), "0019")
    scene.store.migrate()
    assert cells(scene, campaign, "caller_id") == cells(scene, campaign, "batch") == {"": 1}
    more = Listen(early, (Play(Segment.NOTICE, "n", 2000, 2000, 10),), measured_by="dialplan", at_ms=60)
    record([listen_result(more), listen_result(listen(late)), end_result(late, "answered", 95)], scene.store)
    check_counts(scene, campaign)
