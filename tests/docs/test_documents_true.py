"""What README and docs name exists: files, commands with their options, links, and the tests of the invariants."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ivr.doors.cli import cli
from ivr.settings import HOME

PAGES = [HOME / "README.md", HOME / "CHANGELOG.md", *sorted((HOME / "docs").rglob("*.md"))]
GUIDES = [page for page in PAGES if "decisions" not in page.parts and page.name != "CHANGELOG.md"]


def commands(page: Path) -> Iterator[list[str]]:
    """Each `ivr …` line of the page's shell blocks, its continuation lines joined, comments left out."""
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] in {"ivr", ".venv/bin/ivr"}:
                yield words[1:]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_commands_parse(page: Path) -> None:
    for words in commands(page):
        command: click.Command = cli
        context = click.Context(cli, info_name="ivr")
        while isinstance(command, click.Group):
            assert words, "a command is missing"
            found = command.get_command(context, words[0])
            assert found is not None, f"{page.name}: no command {words[0]}"
            command, words = found, words[1:]
        command.make_context(command.name, list(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_architecture_names_files_that_exist() -> None:
    text = (HOME / "docs/architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:ivr|agi|dialplans|asterisk|audio)/[^`]*)`", text):
        assert list(HOME.glob(name.rstrip("/"))), f"architecture.md names {name}"


def test_invariants_name_tests_that_exist() -> None:
    text = (HOME / "docs/invariants.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) >= 8
    for file, test in named:
        assert (HOME / file).is_file(), file
        assert not test or f"def {test}(" in (HOME / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_decisions_have_one_number_each() -> None:
    numbers = [page.name[:4] for page in (HOME / "docs/decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))
