"""The controller dies: calls go on without it, and the next one asks what is alive before it dials."""

from __future__ import annotations

import signal

import pytest

from tests.matrix.conftest import Matrix

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_controller_killed(matrix: Matrix) -> None:
    matrix.strike("controller: kill -9", lambda up: up.kill("controller"))


def test_controller_terminated(matrix: Matrix) -> None:
    matrix.strike("controller: SIGTERM", lambda up: up.signal("controller", signal.SIGTERM))
