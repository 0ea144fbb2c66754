"""What the books cost: counted in statements and in steps of SQLite, not in seconds, so that no other load matters."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from ivr.usecases.campaigns import finish_done
from ivr.usecases.reconciling import missing_listens
from ivr.usecases.recording import end_result, listen_result, record, stop_result
from tests.integration.scene import Scene, listen


@contextmanager
def statements(scene: Scene) -> Iterator[list[tuple[str, Any]]]:
    """Every statement executed within, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(scene.store.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(scene.store.database.engine, "before_cursor_execute", note)


def steps(scene: Scene, work: Callable[[], object]) -> int:
    """How many instructions SQLite's machine executed for `work`, in tens."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    def arm(dbapi: sqlite3.Connection, *_: object) -> None:
        dbapi.set_progress_handler(tick, 10)

    event.listen(scene.store.database.engine, "checkout", arm)
    work()
    event.remove(scene.store.database.engine, "checkout", arm)
    return count


def call(scene: Scene, people: int, spare: int = 1) -> None:
    """That many people of a new campaign are called and heard; `spare` more are still due."""
    attempts = scene.dialing(scene.campaign(people + spare), people)
    record(results_of(attempts), scene.store)


def results_of(attempts: list[str]) -> list[dict[str, Any]]:
    return [listen_result(listen(one)) for one in attempts] + [end_result(one, "answered", 90) for one in attempts]


def keep(scene: Scene) -> None:
    """What the controller asks of the books each second."""
    scene.store.attempts.release_claimed(None, 1)
    missing_listens(scene.store, scene.settings.var_dir / "outbox", 10**12)
    finish_done(scene.store, 10**12)


def test_housekeeping_costs_the_same_after_many_calls(scene: Scene) -> None:
    call(scene, 5)
    few = steps(scene, lambda: keep(scene))
    scene.store.campaigns.move(scene.store.campaigns.named("campaign-1"), CampaignState.STOPPED, 9)
    call(scene, 300)
    many = steps(scene, lambda: keep(scene))
    assert few > 0
    assert many <= 1.5 * few


def test_housekeeping_uses_indexes(scene: Scene) -> None:
    call(scene, 3)
    with statements(scene) as seen:
        keep(scene)
    asked = [(sql, values) for sql, values in seen if sql.startswith("SELECT")]
    plans = [plan for sql, values in asked for plan in plan_of(scene, sql, values)]
    scans = {plan for plan in plans if plan.startswith("SCAN")}
    few = {"SCAN unheard", "SCAN campaigns", "SCAN attempts USING INDEX uq_attempts_open_target"}
    assert scans <= few, "only what is small whatever was called may be read whole"
    assert len(asked) == 4


def plan_of(scene: Scene, sql: str, values: Any) -> list[str]:
    values = values[0] if isinstance(values, list) else values  # of a statement executed many times
    with scene.store.database.read() as connection:
        return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]


def test_a_claim_is_the_same_few_statements_whatever_its_size(scene: Scene) -> None:
    counts = []
    for people in (3, 90):
        campaign = scene.campaign(people + 10)
        scene.store.suppressions.add(f"+3363998{1000 * scene.made:04d}", "platform", "request", 5)
        with statements(scene) as seen:
            assert len(scene.claim(campaign, people)) == people
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 9
    assert scene.rows("SELECT count(*) FROM refusals") == [(2,)]


def test_dialing_is_the_same_few_statements_whatever_its_size_and_each_uses_an_index(scene: Scene) -> None:
    """Asked before every call: a scan of a campaign's attempts would make the last calls of a large one slow."""
    counts = []
    for people in (3, 90):
        attempts = scene.claim(scene.campaign(people), people)
        scene.store.suppressions.add(f"+3363998{1000 * scene.made:04d}", "platform", "request", 5)
        with statements(scene) as seen:
            assert len(scene.store.attempts.begin_dialing_many(attempts, scene.ask(), 20)) == people - 1
        counts.append(len(seen))
        plans = [
            plan for sql, values in seen if sql[:6] in {"SELECT", "UPDATE"} for plan in plan_of(scene, sql, values)
        ]
    assert counts[0] == counts[1] <= 14
    assert {plan for plan in plans if plan.startswith("SCAN")} <= {"SCAN CONSTANT ROW", "SCAN halts"}
    assert any("attempts USING INDEX ix_attempts_target_id" in plan for plan in plans)


@pytest.mark.parametrize("move", ["may_leave_many", "take_back_many", "answer_many", "release", "release_claimed"])
def test_every_other_move_is_the_same_few_statements_whatever_its_size(scene: Scene, move: str) -> None:
    books = scene.store.attempts
    counts = []
    for people in (2, 60):
        campaign = scene.campaign(people)
        of_claims = move.startswith("release")
        attempts = scene.claim(campaign, people) if of_claims else scene.dialing(campaign, people)
        work: dict[str, Callable[[list[str]], object]] = {
            "may_leave_many": lambda given: books.may_leave_many(given, scene.ask()),
            "take_back_many": books.take_back_many,
            "answer_many": lambda given: books.answer_many(dict.fromkeys(given, 30)),
            "release": books.release,
            "release_claimed": lambda _: books.release_claimed("pbx1", 50),
        }
        with statements(scene) as seen:
            work[move](attempts)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6


def test_recording_is_the_same_few_statements_whatever_its_size(scene: Scene) -> None:
    counts = []
    for people in (2, 90):
        results = results_of(scene.dialing(scene.campaign(people), people))
        with statements(scene) as seen:
            record(results, scene.store)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 10


def test_recording_again_changes_nothing_and_costs_less(scene: Scene) -> None:
    attempts = scene.dialing(scene.campaign(9), 9)
    results = [*results_of(attempts), *(stop_result(one, 60) for one in attempts)]
    record(results, scene.store)
    tables = ("attempts", "targets", "listens", "suppressions", "unheard")
    before = [scene.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    with statements(scene) as seen:
        record(results, scene.store)
    assert [scene.rows(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608
    assert [sql.split()[:2] for sql, _ in seen if not sql.startswith("SELECT")] == [["UPDATE", "attempts"]]
    assert len(seen) <= 6


def test_ends_whose_listens_come_later_are_the_same_few_statements(scene: Scene) -> None:
    counts = []
    for people in (2, 60):
        attempts = scene.dialing(scene.campaign(people), people)
        results = results_of(attempts)
        with statements(scene) as seen:
            record(results[people:], scene.store)
            assert sorted(scene.store.listens.without_listen(91)) == sorted(attempts)
            record(results[:people], scene.store)
        assert scene.store.listens.without_listen(91) == []
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_number_stopped_several_times_in_a_batch_is_suppressed_once(scene: Scene) -> None:
    first, second = scene.dialing(scene.campaign(2), 2)
    record([stop_result(one, at_ms) for at_ms, one in enumerate((first, second, first, "nobody"), 30)], scene.store)
    assert scene.rows("SELECT attempt_id, at_ms FROM suppressions ORDER BY at_ms") == [(first, 30), (second, 31)]


def test_sound_and_hours_are_looked_at_once_in_a_batch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = scene.campaign(40, hours="00:01-24:00; 00:00-24:00")
    looked: list[str] = []
    is_file, parse = Path.is_file, Hours.parse
    monkeypatch.setattr(Path, "is_file", lambda path: looked.append(path.name) or is_file(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(Hours, "parse", lambda text: looked.append("hours") or parse(text))  # type: ignore[func-returns-value]
    assert len(scene.claim(campaign, 40)) == 40
    assert sorted(looked) == ["hours", "nnnnnnnn.alaw"]


def test_a_notice_that_vanishes_is_seen_by_the_next_batch(scene: Scene) -> None:
    campaign = scene.campaign(2)
    assert len(scene.claim(campaign, 1)) == 1
    (scene.settings.sounds_dir / "nnnnnnnn.alaw").unlink()
    assert scene.claim(campaign, 1) == []
