"""Results in the books: once, in any order, and never for an attempt that is not there."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment
from ivr.rules.tally import UNIT
from ivr.usecases.recording import end_result, listen_result, record, stop_result
from tests.integration.scene import Scene, listen


def test_listen_and_end_in_any_order_any_number_of_times(scene: Scene) -> None:
    orders = [p for n in (2, 3, 4) for p in itertools.product("LE", repeat=n) if set(p) == {"L", "E"}]
    campaign = scene.campaign(len(orders))
    for attempt, order in zip(scene.dialing(campaign, len(orders)), orders, strict=True):
        results = {"L": listen_result(listen(attempt, 1500)), "E": end_result(attempt, "no_answer", 90, cause=16)}
        for step in order:
            record([results[step]], scene.store)
    books, rows = scene.store.listens.snapshot(campaign.id)
    assert books.outcomes == {"answered": len(orders)}, "a listen proves an answer, whatever the cause said"
    assert books.balance
    assert {row.listen.heard_ms(Segment.MESSAGE) for row in rows if row.listen} == {1500}
    assert scene.rows("SELECT count(*) FROM listens") == [(len(orders),)]


def test_all_in_one_batch_and_again(scene: Scene) -> None:
    campaign = scene.campaign(3)
    heard, busy, _ = scene.dialing(campaign, 3)
    results = [end_result(heard, "answered", 90), end_result(busy, "busy", 91, cause=17), listen_result(listen(heard))]
    record(results, scene.store)
    before = scene.rows("SELECT * FROM attempts ORDER BY id"), scene.rows("SELECT * FROM listens")
    record([*results, end_result(heard, "unknown", 99), end_result(busy, "failed", 99)], scene.store)
    assert (scene.rows("SELECT * FROM attempts ORDER BY id"), scene.rows("SELECT * FROM listens")) == before
    books = scene.store.campaigns.books(campaign.id)
    assert books.outcomes == {"answered": 1, "busy": 1}
    assert books.in_progress == 1


AGI = Listen(
    "", (Play(Segment.PREROLL, "p", 1000, 1000, 0), Play(Segment.MESSAGE, "m", 1200, 4000, 1000)),
    keys=(KeyPress("5", Segment.MESSAGE, 700, 1700),), error="the call script failed", at_ms=50,
)  # fmt: skip
DIALPLAN = Listen(
    "", (Play(Segment.NOTICE, "n", 2000, 2000, 10),), stop_at_ms=2500, ended_by=EndedBy.US, measured_by="dialplan",
    error="the dialplan stepped in: agi", at_ms=60,
)  # fmt: skip


@pytest.mark.parametrize("order", ["AD", "DA", "ADA", "DAD", "DDAA", "NAD", "ADN", "DNA"])
def test_script_and_dialplan_make_one_listen_in_any_order(scene: Scene, order: str) -> None:
    campaign = scene.campaign(1)
    attempt = scene.dialing(campaign)[0]
    nothing = Listen(attempt, (), measured_by="none", error="nobody", at_ms=1)
    parts = {"A": replace(AGI, attempt=attempt), "D": replace(DIALPLAN, attempt=attempt), "N": nothing}
    record([end_result(attempt, "answered", 90)], scene.store)
    for part in order:
        record([listen_result(parts[part])], scene.store)
    result = scene.store.listens.snapshot(campaign.id)[1][0].listen
    notice = replace(DIALPLAN.plays[0], began_ms=20)  # on the script's clock, which began 10 ms earlier
    assert result == Listen(
        attempt, (*AGI.plays, notice), AGI.keys, 2510, EndedBy.US, "agi+dialplan", AGI.error, AGI.at_ms
    )


def test_attempts_that_are_not_there_are_ignored(scene: Scene) -> None:
    campaign = scene.campaign(1)
    record(
        [listen_result(listen("nobody")), end_result("nobody", "answered", 9), stop_result("nobody", 9)], scene.store
    )
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)]
    assert scene.store.campaigns.books(campaign.id).due == 1


@pytest.mark.parametrize("state", ["claimed", "released"])
def test_an_end_of_what_was_not_sent_changes_nothing(scene: Scene, state: str) -> None:
    campaign = scene.campaign(1)
    attempt = scene.claim(campaign, 1)[0]
    if state == "released":
        scene.store.attempts.release_claimed(None, 10**15)
    record([end_result(attempt, "answered", 9)], scene.store)
    assert scene.states() == {attempt: state}


@pytest.mark.parametrize("carrier", ["stop result", "listen only"])
def test_every_nine_is_in_force_once_its_result_is_recorded(scene: Scene, carrier: str) -> None:
    campaign = scene.campaign(1)
    attempt = scene.dialing(campaign)[0]
    stopped: dict[str, Any] = listen_result(listen(attempt, stop_at_ms=800))
    record([stop_result(attempt, 850) if carrier == "stop result" else stopped], scene.store)
    assert scene.rows("SELECT reason, attempt_id, at_ms FROM suppressions") == [("key 9", attempt, 850)]
    record([stopped, stop_result(attempt, 851)], scene.store)
    assert scene.rows("SELECT count(*) FROM suppressions") == [(1,)]


def test_a_batch_is_committed_whole_or_not_at_all(scene: Scene) -> None:
    campaign = scene.campaign(2)
    first, second = scene.dialing(campaign, 2)
    with pytest.raises(ValueError, match="nonsense"):
        scene.store.listens.record(
            [listen(first)],
            [
                {"attempt": first, "outcome": "answered", "at_ms": 9},
                {"attempt": second, "outcome": "nonsense", "at_ms": 9},
            ],
        )
    assert scene.rows("SELECT count(*) FROM listens") == [(0,)]
    assert set(scene.states().values()) == {"dialing"}


def test_a_hang_up_by_the_network_is_not_the_listeners(scene: Scene) -> None:
    campaign = scene.campaign(2)
    cut, left = scene.dialing(campaign, 2)
    record([listen_result(listen(cut)), listen_result(listen(left))], scene.store)
    record([end_result(cut, "answered", 90, cause=38), end_result(left, "answered", 90, cause=0)], scene.store)
    rows = {row.attempt: row.listen for row in scene.store.listens.snapshot(campaign.id)[1]}
    assert {attempt: row and row.ended_by for attempt, row in rows.items()} == {
        cut: EndedBy.NETWORK,
        left: EndedBy.LISTENER,
    }


def test_missing_listens_are_those_of_answered_calls(scene: Scene) -> None:
    one, other = scene.campaign(3), scene.campaign(1)
    silent, heard, busy = scene.dialing(one, 3)
    elsewhere = scene.dialing(other)[0]
    ends = [end_result(a, "answered", 100) for a in (silent, heard, elsewhere)] + [end_result(busy, "busy", 100)]
    record([*ends, listen_result(listen(heard))], scene.store)
    assert set(scene.store.listens.without_listen(101)) == {silent, elsewhere}
    assert scene.store.listens.without_listen(101, one.id) == [silent]
    assert scene.store.listens.without_listen(100) == []
    assert set(scene.store.listens.without_listen(-3_600_000)) == {silent, elsewhere}, "the clock was stepped back"


def test_the_live_sums_and_results_are_per_campaign(scene: Scene) -> None:
    one, other = scene.campaign(2), scene.campaign(1)
    first, second = scene.dialing(one, 2)
    away = scene.dialing(other)[0]
    record([listen_result(listen(a, ms)) for a, ms in ((first, 1000), (second, 500), (away, 4000))], scene.store)
    sums = scene.store.tallies.whole(one.id)[0]
    assert (sums["heard"], sums["share"]) == (2, UNIT * 3 // 8), "1000 and 500 of 4000 ms"
    assert [row.number for row in scene.store.listens.snapshot(other.id)[1]] == ["+33639982000"]


def test_the_result_is_that_of_the_attempt_that_was_sent(scene: Scene) -> None:
    campaign = scene.campaign(1)
    first = scene.dialing(campaign)[0]
    scene.store.attempts.take_back_many([first])
    second = scene.dialing(campaign)[0]
    record([listen_result(listen(second)), end_result(second, "answered", 90)], scene.store)
    result = scene.store.listens.snapshot(campaign.id)[1][0]
    assert (result.attempt, result.dialled, result.outcome, result.state) == (second, 1, "answered", "done")
