"""What the books cost: counted in statements, in steps of SQLite and in rows that PostgreSQL touches.

Not in seconds, so that no other load matters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ivr.adapters.store import schema
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from ivr.usecases.finishing import finish_done
from ivr.usecases.reconciling import missing_listens
from ivr.usecases.recording import end_result, listen_result, record, stop_result
from tests.integration.scene import Scene, listen


@contextmanager
def statements(scene: Scene) -> Iterator[list[tuple[str, Any]]]:
    """Every statement executed within, with its parameters, but for locks by name and words about the session."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if not statement.startswith(("SELECT pg_advisory", "SET LOCAL")):
            seen.append((statement, parameters))

    event.listen(scene.store.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(scene.store.database.engine, "before_cursor_execute", note)


def steps(scene: Scene, work: Callable[[], object]) -> int:
    """How much the database did for `work`."""
    return rows_touched(scene, work) if scene.on_postgres else instructions(scene, work)


def rows_touched(scene: Scene, work: Callable[[], object]) -> int:
    """How many rows PostgreSQL read, sorted, filtered or joined for `work`, each at every step of its plans, plus one.

    Its tables are small here: whole ones are read only where no index helps. What is dead was swept away, as its
    autovacuum does.
    """
    sweep(scene)
    with statements(scene) as seen:
        work()
    found = [(sql, values) for sql, values in seen if not sql.startswith("INSERT")]
    plans = [explained(scene, sql, values, "ANALYZE, TIMING OFF")[0] for sql, values in found]
    return 1 + sum(int(_rows(plan["Plan"])) for plan in plans)


def sweep(scene: Scene) -> None:
    with scene.store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE attempts, targets, campaigns, contacts, unheard")


def _rows(node: dict[str, Any]) -> float:
    own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(own * node["Actual Loops"] + sum(_rows(below) for below in node.get("Plans", [])))


def explained(scene: Scene, sql: str, values: Any, how: str = "COSTS OFF") -> list[dict[str, Any]]:
    """PostgreSQL's plan, without a scan of a whole table where there is another way; what it did is undone."""
    with scene.store.database.engine.connect() as connection:
        for whole in ("seqscan", "hashjoin", "mergejoin"):  # of a few hundred rows all are read sooner than some
            connection.exec_driver_sql(f"SET LOCAL enable_{whole} = off")
        found = connection.exec_driver_sql(f"EXPLAIN ({how}, FORMAT JSON) {sql}", _first(values)).scalar_one()
        connection.rollback()
    return list(found)


def instructions(scene: Scene, work: Callable[[], object]) -> int:
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
    missing_listens(scene.store, {"pbx1"}, scene.settings.var_dir / "outbox", 10**12)
    finish_done(scene.store, 10**12)


def test_housekeeping_costs_the_same_after_many_calls(scene: Scene) -> None:
    call(scene, 5)
    few = steps(scene, lambda: keep(scene))
    scene.store.campaigns.move(scene.store.campaigns.named("campaign-1"), CampaignState.STOPPED, 9)
    call(scene, 300)
    many = steps(scene, lambda: keep(scene))
    assert few > 0
    assert many <= 1.5 * few


def test_who_has_somebody_due_costs_the_same_after_many_calls_and_before_many(scene: Scene) -> None:
    costs = []
    for done, due in ((5, 5), (300, 300)):
        call(scene, done, spare=due)
        costs.append(steps(scene, lambda: scene.store.pulse(10**12, 0)))
        scene.store.campaigns.move(scene.store.campaigns.named(f"campaign-{scene.made}"), CampaignState.STOPPED, 9)
    assert costs[1] <= 1.5 * costs[0]


def test_housekeeping_uses_indexes(scene: Scene) -> None:
    call(scene, 3)
    if scene.on_postgres:
        sweep(scene)
    with statements(scene) as seen:
        keep(scene)
    asked = [(sql, values) for sql, values in seen if sql.startswith("SELECT")]
    plans = [plan for sql, values in asked for plan in plan_of(scene, sql, values)]
    scans = {plan for plan in plans if plan.startswith("SCAN")}
    few = {"SCAN unheard", "SCAN campaigns", "SCAN attempts USING INDEX uq_attempts_open_target"}
    few |= {"SCAN campaigns USING INDEX pk_campaigns", "SCAN versions", "SCAN versions USING INDEX pk_versions"}
    few.add("SCAN CONSTANT ROW")  # of no table: a SELECT of subqueries alone
    assert scans <= few, "only what is small whatever was called may be read whole"
    assert len(asked) == 4


def plan_of(scene: Scene, sql: str, values: Any) -> list[str]:
    """The steps of the plan in SQLite's words."""
    if scene.on_postgres:
        return [step for plan in explained(scene, sql, values) for step in _steps(plan["Plan"])]
    with scene.store.database.read() as connection:
        return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", _first(values))]


def _first(values: Any) -> Any:
    """Of a statement executed many times."""
    return values[0] if isinstance(values, list) else values


def _steps(node: dict[str, Any]) -> Iterator[str]:
    index, kind = node.get("Index Name", ""), node["Node Type"]
    if kind == "Seq Scan":
        yield f"SCAN {node['Relation Name']}"
    elif index:
        table = node.get("Relation Name") or index.split("_")[1]  # a bitmap's table is told by the step above it
        yield f"{'SEARCH' if 'Index Cond' in node else 'SCAN'} {table} USING INDEX {index}"
    for below in node.get("Plans", []):
        yield from _steps(below)


def test_a_claim_is_the_same_few_statements_whatever_its_size(scene: Scene) -> None:
    counts = []
    for people in (3, 90):
        campaign = scene.campaign(people + 10)
        scene.store.suppressions.add(f"+3363998{1000 * scene.made:04d}", "platform", "request", 5)
        with statements(scene) as seen:
            assert len(scene.claim(campaign, people)) == people
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16
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
    few = {"SCAN CONSTANT ROW", "SCAN halts", "SCAN attempts USING INDEX uq_attempts_open_target"}
    assert {plan for plan in plans if plan.startswith("SCAN")} <= few, "the last is that of the open ones alone"
    if not scene.on_postgres:  # which takes any index while the tables are this small: its rows are counted below
        assert any("attempts USING INDEX ix_attempts_target_id" in plan for plan in plans)


@pytest.mark.parametrize("step", ["claim", "dial", "record"])
def test_each_step_of_a_call_costs_the_same_after_many_calls(scene: Scene, step: str) -> None:
    costs = []
    for made in (5, 300):
        call(scene, made, spare=20)
        campaign = scene.store.campaigns.named(f"campaign-{scene.made}")
        attempts = [] if step == "claim" else scene.claim(campaign, 3)
        if step == "record":
            scene.store.attempts.begin_dialing_many(attempts, scene.ask(), 20)
        do: dict[str, Callable[[], object]] = {
            "claim": partial(scene.claim, campaign, 3),
            "dial": partial(scene.store.attempts.begin_dialing_many, attempts, scene.ask(), 20),
            "record": partial(record, results_of(attempts), scene.store),
        }
        costs.append(steps(scene, do[step]))
    assert costs[1] <= 1.5 * costs[0] + 20  # another plan for a handful of rows


AGAIN = "busy=1s x9; most=9; spacing=1s; per_day=20; hours_apart=0s; jitter=0"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def busy(scene: Scene, campaign: Campaign, people: int, at: datetime = NOON) -> list[dict[str, Any]]:
    """That many people are called at that moment; the ends of their calls, still to be recorded: all are busy."""
    attempts = scene.claim(campaign, people, at=at)
    at_ms = int(at.timestamp() * 1000)
    assert len(scene.store.attempts.begin_dialing_many(attempts, scene.ask(at), at_ms)) == people
    return [end_result(attempt, "busy", at_ms, blame="person") for attempt in attempts]


def test_recording_retries_is_the_same_few_statements_whatever_its_size(scene: Scene) -> None:
    counts = []
    for people in (2, 90):
        campaign = scene.campaign(people, retry=AGAIN)
        record(busy(scene, campaign, people), scene.store)
        second = busy(scene, campaign, people, NOON + timedelta(minutes=1))
        with statements(scene) as seen:
            record(second, scene.store)
        counts.append(len(seen))
        assert scene.store.campaigns.books(campaign.id).waiting == people
    assert counts[0] == counts[1] <= 13


def test_claiming_costs_the_same_after_many_calls_and_among_many_that_wait(scene: Scene) -> None:
    costs, later = [], NOON + timedelta(minutes=1)
    for done, waiting in ((5, 5), (400, 100)):
        campaign = scene.campaign(done + waiting + 200, retry=AGAIN)
        for outcome, people in (("answered", done), ("busy", waiting)):
            ends = busy(scene, campaign, people)
            record([end | {"outcome": outcome} for end in ends], scene.store)
        scene.store.attempts.release(scene.claim(campaign, 5, at=NOON))
        with scene.store.database.write() as connection:  # all of them in an hour
            due = schema.targets.update().where(schema.targets.c.due_at_ms > 0)
            connection.execute(due.values(due_at_ms=int(NOON.timestamp() * 1000) + 3_600_000))
        claimed: list[str] = []
        costs.append(steps(scene, lambda one=campaign, into=claimed: into.extend(scene.claim(one, 5, at=later))))  # type: ignore[misc]
        assert len(claimed) == 5
    assert costs[1] <= 1.3 * costs[0]


def test_ending_the_waiting_costs_the_same_among_many_who_were_never_called(scene: Scene) -> None:
    costs = []
    for never in (5, 600):
        campaign = scene.campaign(10 + never, retry=AGAIN)
        record(busy(scene, campaign, 10), scene.store)
        costs.append(steps(scene, partial(scene.store.attempts.close_waiting, campaign.id, 5)))
        assert scene.store.campaigns.books(campaign.id).waiting == 5
    assert costs[1] <= 2 * costs[0]


def test_the_queries_of_a_claim_go_by_the_index_of_when_people_are_due(scene: Scene) -> None:
    campaign = scene.campaign(5, retry=AGAIN)
    record(busy(scene, campaign, 2), scene.store)
    with statements(scene) as seen:
        assert len(scene.claim(campaign, 5, at=NOON + timedelta(minutes=1))) == 5
    looks = [plan_of(scene, sql, values) for sql, values in seen if "ORDER BY targets.due_at_ms" in sql]
    assert len(looks) == 2
    for plan in looks if not scene.on_postgres else []:  # whose rows are counted above
        assert any("ix_targets_campaign_id_state_due_at_ms (campaign_id=? AND state=? AND due_at_ms" in s for s in plan)
        assert not any("TEMP B-TREE" in step for step in plan), "neither read whole nor sorted"


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
    assert counts[0] == counts[1] <= 16


def test_recording_again_changes_nothing_and_costs_less(scene: Scene) -> None:
    attempts = scene.dialing(scene.campaign(9), 9)
    results = [*results_of(attempts), *(stop_result(one, 60) for one in attempts)]
    record(results, scene.store)
    tables = ("attempts", "targets", "listens", "suppressions", "unheard")
    before = [scene.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    with statements(scene) as seen:
        record(results, scene.store)
    assert [scene.rows(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608
    assert all(sql.startswith("SELECT") for sql, _ in seen)
    assert len(seen) <= 8


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
    other_minute = 1 + scene.on_postgres  # what was parsed in this process is not parsed again
    campaign = scene.campaign(40, hours=f"00:0{other_minute}-24:00; 00:00-24:00")
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
