"""Redis dies, forgets, or stands still: that costs delay, and nothing else."""

from __future__ import annotations

import signal
import time

import pytest

from tests.matrix.conftest import Matrix
from tests.matrix.installation import Installation
from tests.stack import wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]

STILL_S = 30.0


def test_redis_killed(matrix: Matrix) -> None:
    matrix.strike("Redis: kill -9", lambda up: up.kill("redis"))


def test_redis_terminated(matrix: Matrix) -> None:
    matrix.strike("Redis: SIGTERM", lambda up: up.signal("redis", signal.SIGTERM))


def test_redis_flushed(matrix: Matrix) -> None:
    def flush(up: Installation) -> None:
        up.redis.client_unpause()  # else we would wait ourselves
        up.redis.flushall()

    matrix.strike("Redis: FLUSHALL", flush)


def test_redis_stands_still(matrix: Matrix) -> None:
    with matrix.scene("Redis: still for 30 s") as scene:
        with scene.frozen() as hold:
            hold.let_redis_write()  # else those who wait to write would wait on after it
            pid = matrix.up.signal("redis", signal.SIGSTOP)
        until_s = time.monotonic() + STILL_S
        wait_for(lambda: time.monotonic() > until_s, "the end of 30 s", STILL_S + 5)
        matrix.up.resume(pid)
        scene.wait_back(time.monotonic())
        matrix.close(scene)
