"""The supervisor itself dies, and `ivr up` comes again: no call is cut, and there are not two of anything."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.matrix.conftest import Matrix
from tests.stack import alive, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("blow", "cuts"), [(signal.SIGKILL, False), (signal.SIGTERM, True)], ids=["killed", "terminated"]
)
def test_supervisor(matrix: Matrix, blow: signal.Signals, cuts: bool) -> None:
    """SIGTERM is what ends an installation at once: it cuts the calls on the line."""
    up = matrix.up
    with matrix.scene(f"ivr up: {blow.name}, then ivr up") as scene:
        with scene.frozen():
            boss = up.boss()
            os.kill(boss, blow)
        wait_for(lambda: not alive(boss), "the end of the supervisor", 30)
        scene.cut_until_ms = int(time.time() * 1000)  # calls leave until the controller's turn to end has come
        since_s = time.monotonic()
        up.up_again()
        scene.wait_back(since_s)
        assert {name: len(pids) for name, pids in up.processes().items() if len(pids) != 1} == {}
        matrix.close(scene, cuts)
