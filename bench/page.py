"""docs/performance.md and docs/sound.md, from their templates and figures here: `python bench/page.py` writes them.

`make bench` and `make bench-sound` do too; a test compares. So no figure there is a copy made by hand.
"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"

CORES = (2, 4, 8, 16)
PLANNED = 0.7
"""Of the cores; the rest is for what is not even."""
TALK_S = 30
NONE = "–"

Figures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """A page of docs/ and where its figures are; the template beside this file is called as the page and .j2."""

    name: str
    figures: Path

    def text(self) -> str:
        """The whole page; a figure that was never measured is a dash."""
        found = json.loads(self.figures.read_text(encoding="utf-8"))
        ratios, figures = found["ratios"], found["figures"]
        environment = Environment(
            loader=FileSystemLoader(HERE),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - Markdown of our own figures
        )
        return environment.get_template(f"{self.name}.j2").render(
            run=found,
            ratios=ratios,
            figures=figures,
            f=lambda name, factor=1.0: said(value(figures, name), factor),
            r=lambda name: said(value(ratios, name)),
            of=lambda part, whole: share(value(figures, part), value(figures, whole)),
            by_size=lambda what: by_size(figures, what),
            sizes=sizes(figures),
            machines=machines(figures),
        )

    def write(self, folder: Path = DOCS) -> None:
        """The page is in `folder`."""
        (folder / self.name).write_text(self.text(), encoding="utf-8")


PERFORMANCE = Page("performance.md", HERE / "latest.json")
SOUND = Page("sound.md", HERE / "latest-sound.json")


def value(figures: Figures, name: str) -> float | None:
    """What was measured."""
    return float(figures[name]["value"]) if name in figures else None


def said(number: float | None, factor: float = 1.0) -> str:
    """Three digits, or all before the point."""
    if number is None:
        return NONE
    number *= factor
    digits = 0 if number == 0 else max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{min(digits, 3)}f}"


def share(part: float | None, whole: float | None) -> str:
    """One figure over another."""
    return NONE if part is None or not whole else said(part / whole)


def sizes(figures: Figures) -> list[int]:
    """The numbers of targets, in thousands, with which the books were measured."""
    return sorted({int(found[1]) for name in figures if (found := re.search(r"_(\d+)k$", name))})


def by_size(figures: Figures, what: str) -> list[str]:
    """A figure of the books for each number of targets."""
    return [said(value(figures, f"{what}_{size}k")) for size in sizes(figures)]


def machines(figures: Figures) -> list[tuple[str, ...]]:
    """Cores; starts a second of 1 s and of TALK_S; these at once; controllers for that rate; 55-s calls at once."""
    costs = [_sum(figures, calls) for calls in ("1s", "55s")]
    controller_ms = value(figures, "cpu_1s_controller_ms")
    if None in costs or not controller_ms:
        return []
    short_ms, long_ms = (float(cost or 0) for cost in costs)
    talk_ms = (long_ms - short_ms) / 54 * (TALK_S - 1) + short_ms
    rows = []
    for cores in CORES:
        budget_ms = 1000 * cores * PLANNED
        starts, longer = budget_ms / short_ms, budget_ms / talk_ms
        controllers = math.ceil(longer * controller_ms / (1000 * PLANNED))
        rows.append((str(cores), *map(said, (starts, longer, longer * TALK_S)), str(controllers)))
        rows[-1] += (said(budget_ms / long_ms * 55),)
    return rows


def _sum(figures: Figures, calls: str) -> float | None:
    ours, asterisk = value(figures, f"cpu_{calls}_ours_ms"), value(figures, f"cpu_{calls}_asterisk_ms")
    return None if ours is None or asterisk is None else ours + asterisk


if __name__ == "__main__":
    for page in (PERFORMANCE, SOUND):
        page.write(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
