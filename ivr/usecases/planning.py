"""Planning: what one node can do, from the bench's last run here, else from the one that was shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ivr.errors import BadSetting
from ivr.rules.capacity import Node
from ivr.settings import HOME

LATEST = HOME / "bench" / "latest.json"

SHIPPED = Node(
    source="shipped figures, of 2 cores that were also busy otherwise (`make bench` measures yours)",
    cores=2,
    rate_cps=75.0,
    channels=185,
    setup_cpu_ms=20.5,
    talk_cpu_ms_per_s=1.92,
)
LONG_S, SHORT_S = 55.0, 1.0


def measured_node(latest: Path = LATEST) -> Node:
    """What the bench's last run says of one node; the shipped figures if it has not run, or not all of its parts.

    Raises BadSetting when the file is none of the bench's.
    """
    if not latest.is_file():
        return SHIPPED
    try:
        found = json.loads(latest.read_text(encoding="utf-8"))
        return _node(found) if _whole(found) else SHIPPED
    except (ValueError, TypeError, KeyError, AttributeError, UnicodeDecodeError):
        raise BadSetting(f"{latest} is no result of `make bench`: remove it, or run `make bench` again") from None


NEEDED = (
    "call_rate_shared_ours_cps",
    "held_ours_clean",
    "cpu_1s_ours_ms",
    "cpu_1s_asterisk_ms",
    "cpu_55s_ours_ms",
    "cpu_55s_asterisk_ms",
)


def _whole(found: dict[str, Any]) -> bool:
    return all(name in found["figures"] for name in NEEDED)


def _node(found: dict[str, Any]) -> Node:
    figures = {name: float(found["figures"][name]["value"]) for name in NEEDED}
    short_ms = figures["cpu_1s_ours_ms"] + figures["cpu_1s_asterisk_ms"]
    long_ms = figures["cpu_55s_ours_ms"] + figures["cpu_55s_asterisk_ms"]
    per_s_ms = max(0.0, (long_ms - short_ms) / (LONG_S - SHORT_S))
    return Node(
        source=f"the bench of {found['at']}, {found['cores']} cores of {found['cpu']}",
        cores=float(found["cores"]),
        rate_cps=figures["call_rate_shared_ours_cps"],
        channels=max(1, int(figures["held_ours_clean"])),
        setup_cpu_ms=max(0.1, short_ms - per_s_ms * SHORT_S),
        talk_cpu_ms_per_s=per_s_ms,
    )
