"""The matrix: one installation for most rows, a table at the end."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, health
from tests.matrix.installation import PEOPLE, Installation, installation
from tests.matrix.looks import Looks
from tests.matrix.people import people
from tests.matrix.promises import Found, judge
from tests.matrix.scene import Scene
from tests.stack import wait_for

TABLE = Path(__file__).resolve().parents[2] / "var" / "fault-matrix.txt"
FINISH_S = 150.0
COLUMNS = "due/claimed/ordered/dialing/ringing/talking/told"
HEAD = ("row", COLUMNS, "back s", "error ms", "silence ms", "in doubt", "cut", "cps", "took s", "verdict")


@dataclass
class Row:
    """One row of the table; without figures if it did not come to its end."""

    name: str
    columns: str = ""
    back_s: float = 0.0
    found: Found | None = None
    looks: int = 0
    took_s: float = 0.0

    def cells(self) -> tuple[str, ...]:
        if self.found is None:
            return (self.name, self.columns, "", "", "", "", "", "", f"{self.took_s:.0f}", "did not end")
        found = self.found
        figures = (found.error_ms, found.silence_ms, found.in_doubt, found.cut, found.worst_second, self.took_s)
        broken = "; ".join(f"{what} ({len(who)})" for what, who in found.broken.items())
        return (self.name, self.columns, f"{self.back_s:.1f}", *(f"{one:.0f}" for one in figures), broken or "ok")


@dataclass
class Matrix:
    """Where rows are made. `up`: the installation of this row."""

    up: Installation
    rows: list[Row] = field(default_factory=list)

    @contextlib.contextmanager
    def scene(self, name: str) -> Iterator[Scene]:
        """A campaign runs; at the end its row is in the table, whatever came of it."""
        began_s, row = time.monotonic(), Row(name)
        self.rows.append(row)
        self.up.ami.originates.clear()
        everybody = people(self.up.stack.new_numbers(PEOPLE), seed=len(self.rows))
        campaign = self.up.stack.campaign(name, everybody)
        with Looks(self.up.settings, campaign.id, PEOPLE) as looks:
            scene = Scene(self.up, campaign, everybody, looks)
            campaigns.start(self.up.store, self.up.settings, name)
            try:
                yield scene
            finally:
                row.columns, row.back_s, row.looks = str(scene.columns), scene.back_s, looks.count
                row.took_s = time.monotonic() - began_s

    def close(self, scene: Scene, cuts: bool = False) -> None:
        """The campaign has come to its end and every promise was kept. cuts: the calls on the line were cut."""
        stack = self.up.stack
        wait_for(
            lambda: stack.state(scene.campaign) is CampaignState.FINISHED, f"the end of {scene.campaign.name}", FINISH_S
        )
        if cuts:
            stack.hang_up_everybody()
        found = judge(scene, stack.verdict(scene.campaign), cuts)
        self.rows[-1].found = found
        assert not found.broken

    def strike(self, name: str, blow: Callable[[Installation], object], cuts: bool = False) -> None:
        """The whole of a row whose fault is one blow, struck while everybody stands in their columns."""
        with self.scene(name) as scene:
            with scene.frozen():
                since_s = time.monotonic()
                blow(self.up)
            scene.wait_back(since_s)
            self.close(scene, cuts)


_rows: list[Row] = []


@pytest.fixture(scope="session")
def _installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("matrix")) as up:
        yield up


@pytest.fixture
def matrix(_installation: Installation) -> Iterator[Matrix]:
    """Everything is up, and no campaign runs: not before, not after."""
    yield from at_peace(_installation)


def at_peace(up: Installation) -> Iterator[Matrix]:
    """The matrix with an installation in which every part works, and no campaign runs before or after."""
    if not health.supervisor(up.settings).is_up():
        up.up_again()
    up.listen_in()
    wait_for(up.works, "every part", 60)
    yield Matrix(up, _rows)
    for campaign in up.store.campaigns.all():
        if campaign.state in {CampaignState.RUNNING, CampaignState.PAUSED}:
            campaigns.stop(up.store, campaign.name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, on the terminal and in var/."""
    if not _rows:
        return
    lines = _table([HEAD, *(row.cells() for row in _rows)])
    terminalreporter.section("fault matrix")
    for line in lines:
        terminalreporter.write_line(line)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    details = json.dumps([asdict(row) for row in _rows], indent=1, ensure_ascii=False)
    TABLE.with_suffix(".json").write_text(details, encoding="utf-8")


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
