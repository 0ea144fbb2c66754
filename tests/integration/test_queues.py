"""Redis rings bells: whatever it loses or refuses costs delay, never a second call and never a stuck result."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from ivr.adapters import queues as queues_module
from ivr.adapters.queues import DEAD, GROUP, RESULTS, Queues
from ivr.errors import BadSetting, NotReady, StoreBusy
from ivr.rules.records import Way
from ivr.usecases import recording
from ivr.usecases.recording import end_result, listen_result, record_waiting
from tests.integration.conftest import RedisServer
from tests.integration.scene import Scene, listen

CALLS: dict[str, Callable[[Queues], Any]] = {
    "ping": lambda q: q.ping(),
    "ask_originate": lambda q: q.ask_originate(1, Way("pbx1", "lab"), 5),
    "answered_ask": lambda q: q.answered_ask(1, Way("pbx1", "lab")),
    "ring_record": lambda q: q.ring_record(),
    "hold_bell": lambda q: q.hold_bell(),
    "free_bell": lambda q: q.free_bell(),
    "ring_media": lambda q: q.ring_media("0" * 32),
    "media_asked": lambda q: q.media_asked("0" * 32),
    "push_orders": lambda q: q.push_orders("pbx1", ["a"]),
    "take_orders": lambda q: q.take_orders("pbx1", 5),
    "drop_orders": lambda q: q.drop_orders("pbx1"),
    "publish_results": lambda q: q.publish_results([{"a": 1}]),
    "publish_texts": lambda q: q.publish_texts(["{}"]),
    "waiting_results": lambda q: q.waiting_results(),
    "read_results": lambda q: q.read_results("me", 5),
    "settle": lambda q: q.settle(["1-1"]),
    "bury": lambda q: q.bury("1-1", "x", "y"),
    "buried": lambda q: q.buried(),
    "note_hold": lambda q: q.note_hold(1, "calling-hours", ""),
    "hold": lambda q: q.hold(1),
    "publish_live": lambda q: q.publish_live("pbx1", {}),
    "live": lambda q: q.live("pbx1"),
    "workers": lambda q: q.workers(),
    "durability": lambda q: q.durability(),
}
NOT_COMMANDS = {"close", "work"}


def test_every_command_is_tried_below() -> None:
    assert set(CALLS) == {name for name in vars(Queues) if not name.startswith("_")} - NOT_COMMANDS


@pytest.mark.parametrize("name", CALLS)
def test_a_redis_that_is_not_there_is_not_ready(name: str, tmp_path: object) -> None:
    queues = Queues(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(NotReady, match="Redis"):
        CALLS[name](queues)
    queues.close()


@pytest.mark.parametrize("name", CALLS)
def test_a_redis_that_dies_is_not_ready_and_then_is_again(name: str, redis_server: RedisServer) -> None:
    queues = Queues(redis_server.url)
    CALLS[name](queues)
    redis_server.kill()
    with pytest.raises(NotReady):
        CALLS[name](queues)
    redis_server.start()
    CALLS[name](queues)
    queues.close()


def test_keys_of_another_kind_are_not_ready_and_no_crash(queues: Queues) -> None:
    queues._redis.set(RESULTS, "I am no stream")
    queues._redis.set("ivr:orders:pbx1", "I am no list")
    for call in (CALLS["read_results"], CALLS["publish_results"], CALLS["take_orders"]):
        with pytest.raises(NotReady):
            call(queues)


@pytest.mark.parametrize("text", ["nonsense", "3", '"x"', "[]"])
def test_live_figures_that_are_none_are_silence(queues: Queues, text: str) -> None:
    queues._redis.set("ivr:live:pbx1", text)
    assert queues.live("pbx1") is None


def test_a_bad_url_is_refused_by_its_setting() -> None:
    with pytest.raises(BadSetting, match=r"setting redis\.url"):
        Queues("nonsense")


def test_an_order_is_taken_once(queues: Queues) -> None:
    queues.push_orders("pbx1", ["a", "b", "c"])
    queues.push_orders("pbx2", ["z"])
    assert queues.take_orders("pbx1", 2) == ["a", "b"]
    assert queues.take_orders("pbx1", 2) == ["c"]
    assert queues.take_orders("pbx1", 2) == []
    assert queues.take_orders("pbx2", 2) == ["z"]


def test_orders_nobody_takes_do_not_wait_for_ever(queues: Queues) -> None:
    queues.push_orders("pbx1", ["a"])
    left_s: Any = queues._redis.ttl("ivr:orders:pbx1")
    assert 0 < left_s <= queues_module.ORDER_TTL_S


def test_an_ask_stands_until_it_is_answered(queues: Queues) -> None:
    assert queues.ask_originate(1, Way("pbx1", "lab"), 5)
    assert not queues.ask_originate(1, Way("pbx1", "lab"), 5)
    assert queues.ask_originate(2, Way("pbx1", "lab"), 5)
    queues.answered_ask(1, Way("pbx1", "lab"))
    assert queues.ask_originate(1, Way("pbx1", "lab"), 5)


def test_an_ask_and_a_bell_of_before_the_clock_was_stepped_back_hold_nobody_up(queues: Queues) -> None:
    """Redis counts what is left of a key by the wall clock: an hour back makes two seconds an hour and two seconds."""
    way = Way("pbx1", "lab")
    queues.ask_originate(1, way, 5)
    queues.ring_record()
    held = [key for pattern in ("ivr:asked:*", "ivr:bell:*") for key in queues._redis.scan_iter(pattern)]
    for key in held:
        queues._redis.pexpire(key, 3_600_000)
    assert len(held) == 2
    assert queues.ask_originate(1, way, 5)
    queues.ring_record()
    assert not queues.ask_originate(1, way, 5)
    assert all(queues._redis.pttl(key) < 5000 for key in held)
    assert [queues._redis.llen(f"rq:queue:{name}") for name in ("originate", "record")] == [2, 2]


def test_jobs_are_json_and_one_bell_rings_for_many(queues: Queues) -> None:
    for _ in range(20):
        queues.ring_record()
    queues.ask_originate(7, Way("pbx1", "lab"), 5)
    raw: Any = queues._raw
    jobs = raw.lrange("rq:queue:record", 0, -1), raw.lrange("rq:queue:originate", 0, -1)
    assert [len(some) for some in jobs] == [1, 1]
    data = raw.hget(f"rq:job:{jobs[1][0].decode()}", "data")
    assert json.loads(zlib.decompress(data)) == ["ivr.doors.jobs.originate", None, [7, "pbx1", "lab", 5], {}]


def publish_a_call(scene: Scene, queues: Queues, people: int = 1) -> list[str]:
    attempts = scene.dialing(scene.campaign(people), people)
    for attempt in attempts:
        queues.publish_results([listen_result(listen(attempt)), end_result(attempt, "answered", 90)])
    return attempts


def test_everything_that_waits_is_recorded_and_gone(scene: Scene, queues: Queues) -> None:
    publish_a_call(scene, queues, 5)
    assert record_waiting(queues, scene.store, "w1") == 10
    assert queues.waiting_results() == 0
    assert set(scene.states().values()) == {"ended"}


def test_a_job_records_what_follows_and_nobody_rings_meanwhile(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "ROUND_S", 0.0)
    held: list[bool] = []

    def no() -> bool:
        """Not told to end; three times something more comes in, and its bell is rung."""
        if len(held) < 3:
            publish_a_call(scene, queues)
            queues.ring_record()
            held.append(queues._raw.llen("rq:queue:record") == 1)
        return False

    queues.ring_record()
    publish_a_call(scene, queues)
    free = queues.free_bell

    def free_late() -> None:
        publish_a_call(scene, queues)  # after the last round, by whom the bell is still held
        free()

    monkeypatch.setattr(queues, "free_bell", free_late)
    assert recording.record_while_they_come(queues, scene.store, "w1", no) == 10
    assert held == [True] * 3
    queues.ring_record()
    assert queues._raw.llen("rq:queue:record") == 2, "the next results ring at once"


@pytest.mark.parametrize(("told", "stay_s"), [(True, 3600.0), (False, 0.0)])
def test_a_job_told_to_end_or_long_at_work_leaves_what_comes_to_the_next(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch, told: bool, stay_s: float
) -> None:
    monkeypatch.setattr(recording, "ROUND_S", 0.0)
    monkeypatch.setattr(recording, "STAY_S", stay_s)
    asked: list[bool] = []

    def told_to_end() -> bool:
        assert len(asked) < 5, "it stays for ever"
        publish_a_call(scene, queues)
        asked.append(told)
        return told

    publish_a_call(scene, queues)
    assert recording.record_while_they_come(queues, scene.store, "w1", told_to_end) == 4
    assert len(asked) == 1


BAD = [
    "nonsense", "", "3", "null", "[]", '"listen"', "{}", '{"kind": "dance", "attempt": "a", "at_ms": 1}',
    '{"kind": "ended", "attempt": "a", "at_ms": 1}', '{"kind": "ended", "attempt": "a", "at_ms": 1, "outcome": "x"}',
    '{"kind": "ended", "attempt": ["a"], "at_ms": 1, "outcome": "busy"}', '{"kind": "stop", "attempt": "a"}',
    '{"kind": "stop", "attempt": "a", "at_ms": "soon"}', '{"kind": {}, "attempt": "a", "at_ms": 1}', "[" * 5000,
    json.dumps(listen_result(listen("a")) | {"plays": [["dance", "m", 1, 2, 3]]}),
    json.dumps(listen_result(listen("a")) | {"plays": [["message", "m", "1", 2, 3]]}),
    json.dumps(listen_result(listen("a")) | {"plays": [["message", "m", 1]]}),
    json.dumps(listen_result(listen("a")) | {"plays": [["message", {}, 1, 2, 3]]}),
    json.dumps(listen_result(listen("a")) | {"plays": 5}),
    json.dumps(listen_result(listen("a")) | {"stop_at_ms": 10**30}),
    json.dumps(listen_result(listen("a")) | {"measured_by": "somebody of a very long name"}),
    json.dumps(end_result("a", "busy", 10**30)),
    json.dumps(end_result("a", "busy", 1, cause="seventeen")),
    json.dumps(end_result("a", "busy", 1, note={"x": 1})),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_result_is_buried_and_the_others_are_recorded(
    scene: Scene, queues: Queues, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = scene.dialing(scene.campaign(2), 2)
    queues.publish_results([end_result(first, "busy", 90)])
    queues._redis.xadd(RESULTS, {"json": bad.replace('"a"', f'"{first}"')})
    queues.publish_results([end_result(second, "busy", 90)])
    assert record_waiting(queues, scene.store, "w1") == 3
    assert (queues.waiting_results(), queues.buried()) == (0, 1)
    assert set(scene.states().values()) == {"ended"}
    assert "cannot be recorded" in caplog.text
    entries: Any = queues._redis.xrange(DEAD)
    [(_, fields)] = entries
    assert fields["why"]


def test_an_entry_without_our_field_is_buried(scene: Scene, queues: Queues) -> None:
    queues._redis.xadd(RESULTS, {"other": "x"})
    assert record_waiting(queues, scene.store, "w1") == 1
    assert (queues.waiting_results(), queues.buried()) == (0, 1)


def test_what_the_database_itself_refuses_is_buried_alone(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = publish_a_call(scene, queues, 3)
    whole = scene.store.listens.record

    def picky(listens: Any, ends: Any) -> None:
        if any(one.attempt == attempts[1] for one in listens):
            raise RuntimeError("constraint")
        whole(listens, ends)

    monkeypatch.setattr(scene.store.listens, "record", picky)
    assert record_waiting(queues, scene.store, "w1") == 6
    assert (queues.waiting_results(), queues.buried()) == (0, 1)
    assert set(scene.states().values()) == {"ended"}
    assert scene.rows("SELECT count(*) FROM listens") == [(2,)]


def test_while_the_database_is_busy_results_wait(scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_a_call(scene, queues)

    def busy(*_: object) -> None:
        raise StoreBusy

    monkeypatch.setattr(scene.store.listens, "record", busy)
    with pytest.raises(StoreBusy):
        record_waiting(queues, scene.store, "w1")
    assert (queues.waiting_results(), queues.buried()) == (2, 0)


def test_a_worker_killed_between_commit_and_settle_changes_nothing(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_a_call(scene, queues, 2)

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(queues, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            record_waiting(queues, scene.store, "killed")
    before = scene.rows("SELECT * FROM attempts"), scene.rows("SELECT * FROM listens")
    assert record_waiting(queues, scene.store, "w2") == 0, "they are still in the hands of the dead worker"
    monkeypatch.setattr(queues_module, "CLAIM_IDLE_MS", 0)
    assert record_waiting(queues, scene.store, "w2") == 4
    assert (scene.rows("SELECT * FROM attempts"), scene.rows("SELECT * FROM listens")) == before
    assert queues.waiting_results() == 0


def test_the_group_comes_back_after_all_was_flushed(scene: Scene, queues: Queues) -> None:
    publish_a_call(scene, queues)
    record_waiting(queues, scene.store, "w1")
    queues._redis.flushall()
    queues.settle(["1-1"])
    publish_a_call(scene, queues)
    assert record_waiting(queues, scene.store, "w1") == 2
    groups: Any = queues._redis.xinfo_groups(RESULTS)
    assert [group["name"] for group in groups] == [GROUP]


def test_two_workers_share_the_results(scene: Scene, queues: Queues) -> None:
    publish_a_call(scene, queues, 4)
    first = queues.read_results("one", 3)
    second = queues.read_results("two", 100)
    assert len(first) == 3
    assert len(second) == 5
    assert not {entry for entry, _ in first} & {entry for entry, _ in second}


def test_what_comes_in_while_recording_waits_for_the_next_bell(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = scene.dialing(scene.campaign(2), 2)
    queues.publish_results([end_result(first, "busy", 90)])
    whole = scene.store.listens.record

    def meanwhile(listens: Any, ends: Any) -> None:
        queues.publish_results([end_result(second, "busy", 90)])
        whole(listens, ends)

    with monkeypatch.context() as patch:
        patch.setattr(scene.store.listens, "record", meanwhile)
        assert record_waiting(queues, scene.store, "w1") == 1
    assert record_waiting(queues, scene.store, "w1") == 1
    assert queues.waiting_results() == 0


def test_a_job_ends_though_results_keep_coming(scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LONGEST_S", -1.0)
    monkeypatch.setattr(recording, "BATCH", 2)
    publish_a_call(scene, queues, 2)
    assert record_waiting(queues, scene.store, "w1") == 2
    assert queues.waiting_results() == 2
