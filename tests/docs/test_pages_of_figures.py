"""docs/performance.md and docs/sound.md hold the figures of the last runs of their benches and no others."""

import subprocess
import sys
from pathlib import Path

import pytest

from ivr.settings import HOME


@pytest.mark.parametrize("name", ["performance.md", "sound.md"])
def test_the_page_is_that_of_the_last_run(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(HOME / "bench" / "page.py"), str(tmp_path)]
    subprocess.run(command, check=True)
    page = (HOME / "docs" / name).read_text(encoding="utf-8")
    assert page == (tmp_path / name).read_text(encoding="utf-8"), "run: .venv/bin/python bench/page.py"
