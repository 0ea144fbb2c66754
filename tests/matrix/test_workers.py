"""The RQ workers die, between two jobs or in the middle of one: what they did is done once, the rest by the next."""

from __future__ import annotations

import signal
import time

import pytest

from tests.matrix.conftest import Matrix

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_originate_worker_killed_between_claim_and_order(matrix: Matrix) -> None:
    matrix.strike("originate worker: kill -9 between claim and order", lambda up: up.kill("originate-0"))


def test_originate_worker_terminated_between_claim_and_order(matrix: Matrix) -> None:
    matrix.strike(
        "originate worker: SIGTERM between claim and order", lambda up: up.signal("originate-0", signal.SIGTERM)
    )


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_record_worker_between_commit_and_settling(matrix: Matrix, blow: signal.Signals) -> None:
    with matrix.scene(f"record worker: {blow.name} between commit and settling") as scene:
        with scene.frozen(recording=True):
            since_s = time.monotonic()
            matrix.up.signal("record-0", blow)
        scene.wait_back(since_s)
        matrix.close(scene)


def test_both_workers_killed_between_two_jobs(matrix: Matrix) -> None:
    with matrix.scene("both workers: kill -9 between two jobs") as scene:
        with scene.frozen() as hold:
            matrix.up.kill("record-0")  # it stands still before its next job
            hold.let_redis_write()
            since_s = time.monotonic()
            hold.stop_idle("originate-0")
            matrix.up.kill("originate-0")
        scene.wait_back(since_s)
        matrix.close(scene)
