"""The shape of the tree: files one can read at a sitting, no folder that shadows pyst2, nothing of one machine."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"var", "build", "dist", "__pycache__", "node_modules"}
MOST_LINES = 400
SHARED_PARENTS = {"/", "/home", "/root", "/tmp", "/opt", "/srv", "/usr", "/var", "/usr/src", "/usr/local", "/builds"}  # noqa: S108


def files(*folders: str) -> Iterator[Path]:
    for top in [ROOT / folder for folder in folders] or [ROOT]:
        for where, inner, names in os.walk(top):
            inner[:] = [
                name for name in inner if name not in NOT_OURS and not name.endswith(".egg-info") and is_kept(name)
            ]
            yield from (Path(where, name) for name in names)


def is_kept(name: str) -> bool:
    return not name.startswith(".") or name == ".ci"


def test_no_source_file_is_longer_than_can_be_read() -> None:
    sources = [path for path in files("ivr", "agi") if path.suffix in {".py", ".j2", ".conf"}]
    assert len(sources) > 10
    long = {
        str(path.relative_to(ROOT)): lines for path in sources if (lines := path.read_text().count("\n")) > MOST_LINES
    }
    assert not long


@pytest.mark.parametrize("folder", ["asterisk", "dialplans", "audio"])
def test_no_python_in_folders_that_are_data(folder: str) -> None:
    """`asterisk` is also pyst2's import name: a module of ours there would hide it."""
    assert [path for path in files(folder) if path.suffix in {".py", ".pyi"}] == []


def test_call_scripts_are_no_package() -> None:
    assert not (ROOT / "agi" / "__init__.py").exists()


def test_no_path_of_the_machine_it_was_written_on() -> None:
    places = {str(ROOT), str(Path.home())} | {str(ROOT.parent)}
    told = [re.escape(place) for place in places if place not in SHARED_PARENTS]
    if not told:
        pytest.skip("this checkout lies where any may lie")
    pattern = re.compile(rf"(?<![\w.])({'|'.join(told)})(?![\w-])")
    guilty = {
        str(path.relative_to(ROOT)): found[0]
        for path in files()
        if path.stat().st_size < 2_000_000
        and (found := pattern.search(path.read_text(encoding="utf-8", errors="ignore")))
    }
    assert not guilty
