"""Ramp-up: after a start or a parking, a trunk's rate grows from a floor to the full one. No clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ivr.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Ramp:
    """From `floor_cps` at `began_s` to `full_cps` at `began_s + over_s`, never falling in between.

    A change of the full rate while it grows: `dataclasses.replace(ramp, full_cps=…)`; the climb keeps its beginning.
    """

    full_cps: float
    floor_cps: float = 1.0
    over_s: float = 30.0
    began_s: float = -math.inf  # a ramp that never began stands at its full rate

    def __post_init__(self) -> None:
        """Raises BadSetting for rates and times with which no call could ever be made."""
        for name, rate in (("full", self.full_cps), ("floor", self.floor_cps)):
            if not (rate > 0 and math.isfinite(rate)):
                raise BadSetting(f"a ramp's {name} rate is calls per second above 0, not {rate:g}")
        if not (self.over_s >= 0 and math.isfinite(self.over_s)):
            raise BadSetting(f"a ramp's time is seconds, 0 or more, not {self.over_s:g}")

    def rate_at(self, now_s: float) -> float:
        """Calls per second at `now_s`, of the same clock as `began_s`: above 0, at most `full_cps`.

        Above one call a second in whole steps: a Pacer sends whole calls per second, and is set anew only at a step.
        """
        floor_cps = min(self.floor_cps, self.full_cps)
        past_s = now_s - self.began_s
        if past_s >= self.over_s:
            return self.full_cps
        if past_s <= 0:
            return floor_cps
        share = past_s / self.over_s
        rate_cps = min(self.full_cps, floor_cps + (self.full_cps - floor_cps) * share)
        return max(floor_cps, math.floor(rate_cps)) if rate_cps >= 1 else rate_cps

    def is_over(self, now_s: float) -> bool:
        """True when the full rate is reached and no later moment changes it."""
        return now_s - self.began_s >= self.over_s
