"""What the bench found: figures by name, ratios with what they should be, a table, and two files."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

LATEST = Path(__file__).with_name("latest.json")
HISTORY = Path(__file__).with_name("history.jsonl")


@dataclass
class Figures:
    """Ratios (value, what it should be, whether it is) and plain figures (value, unit), by name."""

    ratios: dict[str, dict[str, object]] = field(default_factory=dict)
    figures: dict[str, dict[str, object]] = field(default_factory=dict)

    def ratio(self, name: str, value: float, at_least: float | None = None, at_most: float | None = None) -> None:
        """One of the ratios that the project promises something about."""
        limit = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
        ok = value >= at_least if at_least is not None else value <= (at_most or 0.0)
        self.ratios[name] = {"value": round(value, 4), "should_be": limit, "ok": ok}

    def add(self, name: str, value: float, unit: str) -> None:
        """A figure behind the ratios."""
        self.figures[name] = {"value": float(f"{value:.4g}"), "unit": unit}

    def update(self, others: Figures) -> None:
        """What another part found, too."""
        self.ratios |= others.ratios
        self.figures |= others.figures


def show(found: Figures) -> None:
    """The figures as a table on the terminal."""
    console = Console(highlight=False, width=110)
    table = Table("figure", "value", "unit", box=None, pad_edge=False)
    for name, one in found.figures.items():
        table.add_row(name, f"{one['value']:,}", str(one["unit"]))
    for name, one in found.ratios.items():
        verdict = "[green]holds[/]" if one["ok"] else "[red]does not hold[/]"
        table.add_row(f"[bold]{name}[/]", f"[bold]{one['value']}[/]", f"should be {one['should_be']}: {verdict}")
    console.print(table)


def write(found: Figures, about: dict[str, object], whole: bool, file: Path = LATEST) -> None:
    """`file` holds the figures of this run; those of parts that did not run stay, with their own instant."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() and not whole else {}
    stamp = {"at": now}
    ratios = kept.get("ratios", {}) | {name: one | stamp for name, one in found.ratios.items()}
    figures = kept.get("figures", {}) | {name: one | stamp for name, one in found.figures.items()}
    latest = {"at": now, **about, "ratios": ratios, "figures": figures}
    file.write_text(json.dumps(latest, indent=1) + "\n", encoding="utf-8")
    brief = {"at": now, **about, "ratios": {name: one["value"] for name, one in found.ratios.items()}}
    brief["figures"] = {name: one["value"] for name, one in found.figures.items()}
    with HISTORY.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(brief) + "\n")
