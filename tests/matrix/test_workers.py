"""The RQ workers die in the middle of a job: what they did is done once, what they did not is done by the next."""

from __future__ import annotations

import signal

import pytest

from tests.matrix.conftest import Matrix

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_originate_worker_killed_between_claim_and_order(matrix: Matrix) -> None:
    matrix.strike("originate worker: kill -9 between claim and order", lambda up: up.kill("originate-0"))


def test_originate_worker_terminated_between_claim_and_order(matrix: Matrix) -> None:
    matrix.strike(
        "originate worker: SIGTERM between claim and order", lambda up: up.signal("originate-0", signal.SIGTERM)
    )
