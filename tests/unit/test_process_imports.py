"""All processes start at once, on a machine that may carry calls: none imports what only commands and set-up need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("alembic", "psycopg", "numpy", "soxr", "pydub", "requests", "gtts", "rich", "click", "supervisor")


@pytest.mark.parametrize("process", ["process", "controller", "agi_server", "worker", "jobs", "carrier"])
def test_a_process_imports_no_more_than_it_needs(process: str) -> None:
    words = f"import sys, ivr.doors.{process}; print([name for name in {HEAVY} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_worker_has_imported_its_jobs_before_it_says_that_it_lives() -> None:
    words = """
import sys
from ivr.doors import worker
from ivr.settings import Settings
worker.answering = lambda _: sys.exit("ivr.doors.jobs" not in sys.modules)
worker.run(Settings(), "record")
"""
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
