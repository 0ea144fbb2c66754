"""A campaign that goes on and on, with small strikes: nothing grows, nothing leaks, every promise is kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.rules.segments import EndedBy
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, health, lab
from tests.faults.promises import kept_but_for_time
from tests.matrix.conftest import Matrix, at_peace
from tests.matrix.installation import Installation, installation
from tests.matrix.people import people
from tests.matrix.promises import ERROR_MS, error_ms
from tests.soak.strikes import strike_until
from tests.soak.watch import Watch, look
from tests.stack import wait_for

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
RATE_CPS = float(os.environ.get("SOAK_RATE", "5"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
TOLD = Path(__file__).resolve().parents[2] / "var" / "soak.json"

GROWS = {
    " MB": (1.15, 24.0),
    " threads": (1.0, 24.0),
    " files": (1.0, 48.0),
    " used MB": (1.15, 4.0),
    " keys": (1.0, 60.0),
}
"""By the end of a figure's name: the last quarter of the time may have so many times the second, and so much more."""
PER_CALL = {"database MB": 6.0, "logs MB": 6.0}
"""What must be kept of each call takes at most so many kB."""
END_S = 180.0
INEXACT = 0.02
"""Of the calls so many may be off by more than the limit: on a busy machine the far end hears late."""

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(MINUTES * 60 + 900)]


@pytest.fixture
def soaked(tmp_path: Path) -> Iterator[Matrix]:
    with installation(tmp_path / "var") as up:
        yield from at_peace(up)


def test_soak(soaked: Matrix) -> None:
    up, stack = soaked.up, soaked.up.stack
    before = look(up)
    everybody = people(stack.new_numbers(round(MINUTES * 60 * RATE_CPS)), seed=SEED)
    campaign = stack.campaign("soak", everybody, rate_cps=RATE_CPS)
    campaigns.start(up.store, up.settings, campaign.name)
    until_s = time.monotonic() + MINUTES * 60
    with Watch(up) as watch:
        struck = strike_until(up, lambda: time.monotonic() > until_s, SEED)
    wait_for(lambda: stack.state(campaign) is CampaignState.FINISHED, "the campaign's end", END_S + MINUTES * 12)
    wait_for(lambda: _is_told(up), "the account of every ear", 60)
    verdict = stack.verdict(campaign)
    wait_for(lambda: health.channels(up.settings) == 0, "the last channel's end", 60)
    wait_for(lambda: _is_at_rest(up), "the last slot's end", 60)

    told = watch.growth()
    per_call = {name: (look(up)[name] - before[name]) * 1024 / len(everybody) for name in PER_CALL}
    errors = sorted(error_ms(pair) for pair in verdict.pairs)
    _tell(len(everybody), struck, told, per_call)
    inexact = sum(error > ERROR_MS for error in errors)
    print(f"listens: {inexact} are off by more than {ERROR_MS} ms, at most by {errors[-1]} ms")
    kept_but_for_time(verdict)
    assert inexact <= INEXACT * len(errors)
    assert {name: figures for name, figures in told.items() if _grew(name, *figures[:2])} == {}
    assert {name: kb for name, kb in per_call.items() if kb > PER_CALL[name]} == {}
    assert {name: len(pids) for name, pids in up.processes().items() if len(pids) != 1} == {}


def _grew(name: str, earlier: float, later: float) -> bool:
    """Whether there is more of it than chance explains. What is kept of each call grows, and is judged by the call."""
    limits = next((limits for end, limits in reversed(GROWS.items()) if name.endswith(end)), None)
    return name not in PER_CALL and limits is not None and later > earlier * limits[0] + limits[1]


def _is_told(up: Installation) -> bool:
    """Whether the far end has written down what it heard of everybody whose call we ended."""
    return all(row.plays for row in lab.truth(up.settings) if row.answered and row.ended_by == EndedBy.US)


def _is_at_rest(up: Installation) -> bool:
    """Whether no call is on any controller's account, and nothing is open in the books."""
    return all(beat.live == 0 for beat in up.store.pbxs.all()) and not up.store.attempts.open_on(up.settings.pbx.name)


def _tell(
    calls: int, struck: list[str], told: dict[str, tuple[float, float, float]], per_call: dict[str, float]
) -> None:
    """The figures, on the terminal and in var/soak.json."""
    print(f"\n{calls} people, {MINUTES:g} minutes, {RATE_CPS:g} calls a second, seed {SEED}; {len(struck)} strikes")
    print("\n".join(f"  {name}" for name in struck))
    print(f"{'':28} {'2nd quarter':>12} {'last':>12} {'most':>12}")
    for name, figures in told.items():
        print(f"{name:28}", *(f"{figure:12.1f}" for figure in figures))
    for name, kb in per_call.items():
        print(f"{name.removesuffix(' MB')}: {kb:.2f} kB a call")
    TOLD.parent.mkdir(exist_ok=True)
    TOLD.write_text(json.dumps({"calls": calls, "struck": struck, "figures": told, "kB a call": per_call}, indent=1))
