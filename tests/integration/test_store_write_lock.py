"""SQLite's write lock: soon had once it is free, in turn, and StoreBusy when it is not to be had."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.adapters.store import write_lock
from ivr.errors import StoreBusy
from tests.integration.scene import ON_SQLITE, Scene

pytestmark = ON_SQLITE

GREEDY = """
import sys, time
from pathlib import Path
from sqlalchemy import text
from ivr.adapters.store import Store
from tests.integration.scene import settings_in
store = Store(settings_in(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
while True:
    with store.database.write() as connection:
        connection.execute(text("UPDATE written SET batches = batches + 1"))
        if connection.execute(text("SELECT enough FROM written")).scalar():
            break
        time.sleep(0.01)
store.close()
"""


def batches(scene: Scene) -> int:
    return int(scene.rows("SELECT batches FROM written")[0][0])


def test_a_waiting_writer_looks_again_every_moment(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, other = make_scene(database={"busy_timeout_s": 0.05}), make_scene()
    slept: list[float] = []
    monkeypatch.setattr("ivr.adapters.store.write_lock.time.sleep", slept.append)
    with (
        other.store.database.write(),
        pytest.raises(StoreBusy, match="locked"),
        scene.store.database.write(),
    ):
        pass
    assert len(slept) >= 10
    assert max(slept) <= 0.002
    with scene.store.database.write() as connection:  # and is none the worse for it
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 50


def test_dialing_has_its_turn_beside_two_who_write_without_a_pause(scene: Scene) -> None:
    """Counted in transactions of the others: with turns two for each of ours."""
    attempts = scene.claim(scene.campaign(25), 25)
    with scene.store.database.write() as connection:
        connection.execute(text("CREATE TABLE written AS SELECT 0 AS batches, 0 AS enough"))
    command = [sys.executable, "-c", GREEDY, str(scene.settings.home)]
    here = Path(__file__).resolve().parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen(command, cwd=here, text=True, **pipes) as one,  # type: ignore[call-overload]
        subprocess.Popen(command, cwd=here, text=True, **pipes) as two,  # type: ignore[call-overload]
    ):
        try:
            for process in (one, two):
                assert process.stdout.readline() == "ready\n"
            for process in (one, two):
                process.stdin.write("go\n")
                process.stdin.flush()
            while batches(scene) < 20:
                pass
            before = batches(scene)
            assert all(scene.begin(attempt) for attempt in attempts)
            others = batches(scene) - before
            with scene.store.database.write() as connection:
                connection.execute(text("UPDATE written SET enough = 1"))
            assert [one.wait(20), two.wait(20)] == [0, 0]
        finally:
            one.kill()
            two.kill()
    assert others <= 4 * len(attempts)  # 2 with turns, 7 without


def test_a_turn_that_is_never_given_on_holds_up_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_lock, "COURTESY_S", 0.02)
    with (scene.settings.var_dir / "portevoix.db-turn").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # a process that was suspended while it waited
        assert scene.claim(scene.campaign(1), 1)


def test_turns_are_a_courtesy_and_not_needed(scene: Scene) -> None:
    turn = scene.settings.var_dir / "portevoix.db-turn"
    turn.unlink(missing_ok=True)
    turn.mkdir()  # cannot be opened to write, not even by root
    assert scene.claim(scene.campaign(1), 1)


def test_what_waits_for_a_turn_leaves_no_file_open(scene: Scene) -> None:
    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    attempts = scene.claim(scene.campaign(20), 20)
    before = files()
    assert all(scene.begin(attempt) for attempt in attempts)
    assert files() <= before
