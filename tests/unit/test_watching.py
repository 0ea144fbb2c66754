import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.usecases import watching
from tests.unit.fakes.agi import until


def watched(replies: list[bool | None], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After how many questions the server was killed, each time, while it answered so."""
    monkeypatch.setattr(watching, "EVERY_S", 0.001)
    kills: list[int] = []
    left = list(replies)

    async def go() -> None:
        task = asyncio.current_task()
        assert task is not None

        def answers(_timeout_s: float) -> bool | None:
            if len(left) == 1:
                task.get_loop().call_soon_threadsafe(task.cancel)
            return left.pop(0)

        with contextlib.suppress(asyncio.CancelledError):
            await watching.watch(answers, lambda: kills.append(len(replies) - len(left)))

    asyncio.run(go())
    return kills


@pytest.mark.parametrize(
    ("replies", "kills"),
    [
        ([True] * 9, []),
        ([None] * 9, []),  # nobody there: the supervisor is starting it
        ([False, False, True] * 4, []),  # slow, as under load
        ([True, False, False, False, True, True], [4]),
        ([False] * 7, [3, 6]),
    ],
)
def test_only_a_server_that_stays_silent_is_killed(
    replies: list[bool | None], kills: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watched(replies, monkeypatch) == kills


def test_only_the_process_meant_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()", "agi"], stdin=subprocess.PIPE)
    until(lambda: b"agi" in Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0"))  # it has begun
    file = tmp_path / "agi.pid"
    file.write_text(str(process.pid))
    watching.kill_process(file, "another")
    assert process.poll() is None
    watching.kill_process(file, "agi")
    assert process.wait(10) == -9
    file.write_text(str(os.getpid()))
    watching.kill_process(file, "agi")  # a number that another process got since
    file.unlink()
    watching.kill_process(file, "agi")
    if process.stdin:
        process.stdin.close()
