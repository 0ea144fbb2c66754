"""docs/performance.md holds the figures of bench/latest.json and no others."""

import subprocess
import sys

from ivr.settings import HOME


def test_the_page_of_performance_is_that_of_the_last_run() -> None:
    command = [sys.executable, str(HOME / "bench" / "page.py")]
    written = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8").stdout
    page = (HOME / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page == written, "run: .venv/bin/python bench/page.py > docs/performance.md"
