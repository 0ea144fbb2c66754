"""The supervisor, real: starts what it is given, restarts what dies, stops it all, takes any text as an argument."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.adapters import orphans
from ivr.adapters.supervisor import Process, Supervisor
from ivr.errors import NotReady, SetUpFailed
from tests.integration.scene import wait_for

SAY = "import sys, os, time; print('says', sys.argv[1:], os.environ.get('IVR_X'), flush=True); time.sleep(600)"


@pytest.fixture
def boss(tmp_path: Path) -> Iterator[Supervisor]:
    for name in ("run", "state"):
        (tmp_path / name).mkdir()
    made = Supervisor(tmp_path / "run", tmp_path / "state", tmp_path / "log %d")
    yield made
    if made.is_up():
        made.stop()


def running(boss: Supervisor) -> dict[str, int]:
    return {state.name: state.pid for state in boss.states() if state.state == "running"}


def test_start_restart_stop(boss: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_X", "of the caller: not theirs")
    odd = 'a "quoted" %(x)s $HOME;# \\ é'
    programs = [
        Process("one", [sys.executable, "-c", SAY, odd], 10, {"IVR_X": 'v "1", %d'}),
        Process("two", [sys.executable, "-c", SAY], 20),
        Process("dies", ["/bin/false"], 30),
    ]
    boss.start(programs)
    wait_for(lambda: set(running(boss)) >= {"one", "two"}, "both processes")
    pids = running(boss)
    logs = {name: tmp_path / "log %d" / f"{name}.log" for name in ("one", "two")}
    wait_for(lambda: all("says" in log.read_text() for log in logs.values()), "what they say")
    told = logs["one"].read_text()
    assert repr([odd]) in told
    assert 'v "1", %d' in told
    assert "of the caller" not in logs["two"].read_text()

    os.kill(pids["one"], signal.SIGKILL)
    wait_for(lambda: running(boss).get("one", pids["one"]) != pids["one"], "the restart")
    assert running(boss)["two"] == pids["two"]

    boss.stop_process("two")
    boss.stop_process("two")  # it has ended already: nothing happens
    boss.stop_process("dies")
    assert "two" not in running(boss)

    left = running(boss)["one"]
    boss.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(left, 0)
    assert not boss.is_up()
    with pytest.raises(NotReady, match="ivr up"):
        boss.states()


def test_nothing_that_was_not_started_is_up(boss: Supervisor) -> None:
    assert not boss.is_up()
    for call in (boss.states, boss.stop, lambda: boss.stop_process("one")):
        with pytest.raises(NotReady, match="ivr up"):
            call()


@pytest.mark.parametrize("text", ["a\nb", "a #b", "a ;b"])
def test_what_supervisord_would_read_otherwise_is_refused(boss: Supervisor, text: str) -> None:
    with pytest.raises(SetUpFailed, match="cannot be used"):
        boss.start([Process("one", ["/bin/echo", text], 10)])
    with pytest.raises(SetUpFailed, match="cannot be used"):
        boss.start([Process("one", ["/bin/echo"], 10, {"X": text})])
    assert not boss.is_up()


def orphaned(boss: Supervisor) -> dict[str, int]:
    return {name: pid for pid, name in boss.orphans().items()}


def test_what_a_killed_supervisor_left_is_found_and_kept_by_the_next(boss: Supervisor, tmp_path: Path) -> None:
    programs = [Process(name, [sys.executable, "-c", SAY, name], 10) for name in ("kept", "ended")]
    boss.start(programs)
    wait_for(lambda: set(running(boss)) == {"kept", "ended"}, "both processes")
    first = running(boss)
    assert boss.orphans() == {}
    os.kill(int((tmp_path / "state" / "supervisord.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: orphaned(boss) == first, "two processes without a supervisor")
    orphans.end([first["ended"]])
    assert orphaned(boss) == {"kept": first["kept"]}

    standing = Process("kept", orphans.keeping(first["kept"], programs[0].command), 10)
    boss.start([standing, programs[1]])
    wait_for(lambda: set(running(boss)) == {"kept", "ended"}, "who stands for the one, and the other anew")
    keeper = running(boss)["kept"]
    assert keeper != first["kept"]
    assert orphans.alive(first["kept"])
    wait_for(lambda: orphans.kept_by(keeper), "who stands for it")
    os.kill(first["kept"], signal.SIGKILL)
    wait_for(lambda: not orphans.kept_by(keeper), "it took the place")
    assert running(boss)["kept"] == keeper
    log = tmp_path / "log %d" / "kept.log"
    wait_for(lambda: log.read_text().count("says ['kept']") == 2, "the same command again")


def test_who_stands_for_an_orphan_ends_it_when_told_to_end(boss: Supervisor, tmp_path: Path) -> None:
    boss.start([Process("one", [sys.executable, "-c", SAY], 10)])
    wait_for(lambda: "one" in running(boss), "the process")
    left = running(boss)["one"]
    os.kill(int((tmp_path / "state" / "supervisord.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: orphaned(boss) == {"one": left}, "a process without a supervisor")
    boss.start([Process("one", orphans.keeping(left, ["/bin/false"]), 10)])
    wait_for(lambda: orphans.kept_by(running(boss).get("one", 0)), "who stands for it")
    boss.stop()
    assert not orphans.alive(left)


def test_a_number_that_is_anothers_by_now_is_not_waited_for(boss: Supervisor) -> None:
    boss.start([Process("one", orphans.keeping(os.getpid(), [sys.executable, "-c", SAY]), 10)])
    wait_for(lambda: "one" in running(boss), "the process")
    pid = running(boss)["one"]
    wait_for(lambda: not orphans.kept_by(pid), "that nobody stands for us")
