"""The controller dies: calls go on without it, and the next one asks what is alive before it dials."""

from __future__ import annotations

import signal
import time

import pytest

from tests.matrix.conftest import Matrix
from tests.stack import wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_controller_killed(matrix: Matrix) -> None:
    matrix.strike("controller: kill -9", lambda up: up.kill("controller"))


def test_controller_terminated(matrix: Matrix) -> None:
    matrix.strike("controller: SIGTERM", lambda up: up.signal("controller", signal.SIGTERM))


def test_controller_killed_between_commit_and_originate(matrix: Matrix) -> None:
    with matrix.scene("controller: kill -9 between commit and Originate") as scene:
        with scene.frozen() as hold:

            def stands_there() -> bool:
                if not scene.unsent():
                    hold.go_on("controller")
                    hold.stop_unlocked("controller")
                return bool(scene.unsent())

            wait_for(stands_there, "an attempt that is committed and not sent", 10)
            unsent = scene.unsent()
            since_s = time.monotonic()
            matrix.up.kill("controller")
        scene.wait_back(since_s)
        matrix.close(scene)
        assert not unsent & matrix.up.ami.passed()
