"""The AGI server dies: the dialplan speaks at once, and the next call finds the script again."""

from __future__ import annotations

import signal

import pytest

from tests.matrix.conftest import Matrix

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_agi_server_killed(matrix: Matrix) -> None:
    matrix.strike("AGI server: kill -9", lambda up: up.kill("agi"))


def test_agi_server_terminated(matrix: Matrix) -> None:
    matrix.strike("AGI server: SIGTERM", lambda up: up.signal("agi", signal.SIGTERM))
