"""Real RQ workers: one queue each, JSON jobs, and a worker killed in the middle loses nothing."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rq import SimpleWorker

from ivr.adapters.queues import RESULTS, Queues
from ivr.rules.records import Way
from ivr.usecases.recording import end_result, listen_result
from tests.integration import scene as scenes
from tests.integration.conftest import RedisServer
from tests.integration.scene import Scene, listen

wait_for = functools.partial(scenes.wait_for, limit_s=45.0)  # two interpreters start, beside whatever else runs
HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def scene_of(make_scene: Callable[..., Scene], redis_server: RedisServer) -> Scene:
    return make_scene(redis_server.url)


@pytest.fixture
def bells(redis_server: RedisServer) -> Iterator[Queues]:
    opened = Queues(redis_server.url)
    yield opened
    opened.close()


Workers = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def worker(scene_of: Scene, tmp_path: Path) -> Iterator[Workers]:
    """Starts the worker of QUEUE, logging to <queue>.log."""
    config = tmp_path / "resolved.json"
    config.write_text(scene_of.settings.model_dump_json())
    env = {key: value for key, value in os.environ.items() if not key.startswith("IVR_")} | {"IVR_CONFIG": str(config)}
    started: list[subprocess.Popen[bytes]] = []

    def start(queue: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{queue}.log").open("ab") as log:
            command = [sys.executable, "-m", "ivr.doors.process", "worker", queue]
            started.append(subprocess.Popen(command, cwd=HERE, env=env, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def publish(scene: Scene, queues: Queues, people: int) -> list[str]:
    attempts = scene.dialing(scene.campaign(people), people)
    for attempt in attempts:
        queues.publish_results([listen_result(listen(attempt)), end_result(attempt, "answered", 90)])
    return attempts


def test_the_jobs_do_their_work_and_log_no_number(
    scene_of: Scene, bells: Queues, worker: Workers, tmp_path: Path
) -> None:
    worker("originate")
    worker("record")
    campaign = scene_of.campaign(5)
    assert bells.ask_originate(campaign.id, Way("pbx1", "lab"), 5)
    wait_for(lambda: list(scene_of.states().values()).count("claimed") == 5, "the claims")
    raw: Any = bells._redis
    wait_for(lambda: raw.llen("ivr:orders:pbx1") == 5, "the orders")
    assert sorted(bells.take_orders("pbx1", 9)) == sorted(
        f"lab {campaign.id} {attempt}" for attempt in scene_of.states()
    )
    assert all(scene_of.begin(attempt) for attempt in scene_of.states())
    bells.publish_results([end_result(attempt, "busy", 90) for attempt in scene_of.states()])
    bells.ring_record()
    wait_for(lambda: scene_of.store.campaigns.books(campaign.id).outcomes == {"busy": 5}, "the record")
    assert bells.workers() == {"originate": 1, "record": 1}
    logs = (tmp_path / "originate.log").read_text() + (tmp_path / "record.log").read_text()
    assert "3363998" not in logs
    assert "Traceback" not in logs


def test_a_worker_killed_inside_a_job_loses_nothing(
    scene_of: Scene, bells: Queues, worker: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = worker("record")
    wait_for(lambda: bells.workers()["record"] == 1, "the worker")
    bells.read_results("nobody", 1)  # there is a group from here on
    attempts = publish(scene_of, bells, 3)
    raw: Any = bells._redis
    with scene_of.store.database.write():  # the job reads its results, and waits here to write them
        bells.ring_record()
        wait_for(lambda: raw.xpending(RESULTS, "record")["pending"] == 6, "the job in its middle")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert set(scene_of.states().values()) == {"dialing"}
    held = [entry["message_id"] for entry in raw.xpending_range(RESULTS, "record", "-", "+", 9)]
    raw.xclaim(RESULTS, "record", "long-dead", 0, held, idle=60_000)  # as if that were a minute ago
    raw.delete("ivr:bell:record")
    bells.ring_record()
    worker("record")
    wait_for(lambda: set(scene_of.states().values()) == {"ended"}, "the next bell's work")
    wait_for(lambda: bells.waiting_results() == 0, "the end of that job")
    assert scene_of.rows("SELECT count(*) FROM listens") == [(len(attempts),)]


def test_a_worker_waits_for_redis(scene_of: Scene, bells: Queues, worker: Workers, redis_server: RedisServer) -> None:
    redis_server.kill()
    process = worker("record")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.0)
    redis_server.start()
    publish(scene_of, bells, 1)
    bells.ring_record()
    wait_for(lambda: set(scene_of.states().values()) == {"ended"}, "the work")


def test_sigterm_ends_a_worker_at_once(bells: Queues, worker: Workers) -> None:
    process = worker("originate")
    # told to end while it still subscribes to RQ's commands, it may wait for that thread until it is killed
    wait_for(lambda: [w.get_state() for w in SimpleWorker.all(connection=bells._raw)] == ["idle"], "an idle worker")
    process.terminate()
    assert process.wait(10) == 0
    assert bells.workers()["originate"] == 0
