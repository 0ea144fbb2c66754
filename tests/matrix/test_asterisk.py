"""Asterisk dies with 200 people on the line: their calls are over, nobody is called again, the rest of the list is."""

from __future__ import annotations

import contextlib
import signal

import pytest

from ivr.adapters.pbx import instance
from ivr.errors import NotReady
from tests.matrix.conftest import Matrix
from tests.matrix.installation import Installation

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_asterisk_killed(matrix: Matrix) -> None:
    matrix.strike("Asterisk: kill -9", lambda up: up.kill("asterisk"), cuts=True)


def test_asterisk_terminated(matrix: Matrix) -> None:
    matrix.strike("Asterisk: SIGTERM", lambda up: up.signal("asterisk", signal.SIGTERM), cuts=True)


def test_asterisk_restarted_now(matrix: Matrix) -> None:
    def restart_now(up: Installation) -> None:
        with contextlib.suppress(NotReady):  # it may be gone before it answers
            instance.cli(up.settings, "core restart now")

    matrix.strike("Asterisk: core restart now", restart_now, cuts=True)
