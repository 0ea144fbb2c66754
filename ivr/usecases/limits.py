"""Limits while everything runs: what trunks and PBXs have, and changing it without a restart."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ivr.adapters.store import Store
from ivr.errors import NotFound, Refused
from ivr.rules.records import Allotted, Override, PbxBeat
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name

MOST_CPS, MOST_CHANNELS = 1000.0, 100_000


@dataclass(frozen=True, slots=True)
class TrunkState:
    """A trunk with its limits, as they hold now, and what each PBX has of them. override: None: as in the settings."""

    name: str
    host: str
    rate_cps: float
    channels: int
    override: Override | None
    parts: list[Allotted]

    @property
    def worst(self) -> Allotted | None:
        """The part of the PBX that began the most calls in any rolling second since it was first used."""
        return max(self.parts, key=lambda part: part.worst_second, default=None)

    @property
    def worst_second(self) -> int:
        """How many those were."""
        return self.worst.worst_second if self.worst else 0


@dataclass(frozen=True, slots=True)
class PbxState:
    """A PBX that has ever run, or is to. beat: None if it never did."""

    name: str
    channels: int
    override: Override | None
    beat: PbxBeat | None


def trunks(store: Store, settings: Settings) -> list[TrunkState]:
    """Every trunk of the settings, by name."""
    overrides, parts = store.limits.all(), store.pbxs.parts()
    states = []
    for name, trunk in sorted(settings.trunks.items()):
        scope = f"trunk:{name}"
        override = overrides.get(scope)
        rate = override.rate_cps if override and override.rate_cps is not None else trunk.rate_cps
        channels = override.channels if override and override.channels is not None else trunk.channels
        mine = [part for part in parts if part.scope == scope]
        states.append(TrunkState(name, ", ".join(trunk.hosts), rate, channels, override, mine))
    return states


def pbxs(store: Store, settings: Settings) -> list[PbxState]:
    """Every PBX that ever ran, and the one of these settings."""
    overrides, beats = store.limits.all(), {beat.name: beat for beat in store.pbxs.all()}
    states = []
    for name in sorted({*beats, settings.pbx.name}):
        override, beat = overrides.get(f"pbx:{name}"), beats.get(name)
        usual = beat.channels if beat and name != settings.pbx.name else settings.pbx.channels
        channels = override.channels if override and override.channels is not None else usual
        states.append(PbxState(name, channels, override, beat))
    return states


def set_trunk(store: Store, settings: Settings, name: str, rate_cps: float | None, channels: int | None) -> Override:
    """The trunk has these limits within a second, on every PBX; what is None stays as it is."""
    if name not in settings.trunks:
        raise NotFound(f"there is no trunk named {name!r} in the settings; `ivr trunk list` shows those there are")
    return _set(store, f"trunk:{name}", rate_cps, channels)


def set_pbx(store: Store, settings: Settings, name: str, channels: int | None) -> Override:
    """The PBX has so many channels within a second; None: as it is."""
    if name not in {state.name for state in pbxs(store, settings)}:
        raise NotFound(f"there is no PBX named {name!r}; `ivr pbx list` shows those there are")
    return _set(store, f"pbx:{name}", None, channels)


def as_settings(store: Store, scope: str) -> None:
    """The limits of the settings hold again for that scope."""
    store.limits.set(Override(scope, None, None, now_ms(), login_name()))


def _set(store: Store, scope: str, rate_cps: float | None, channels: int | None) -> Override:
    if rate_cps is None and channels is None:
        raise Refused("nothing to set: give a rate, channels, or --as-settings")
    if rate_cps is not None and not (math.isfinite(rate_cps) and 0 < rate_cps <= MOST_CPS):
        raise Refused(f"a rate is calls per second, above 0 and at most {MOST_CPS:g}, not {rate_cps:g}")
    if channels is not None and not 0 <= channels <= MOST_CHANNELS:
        raise Refused(f"channels are 0 to {MOST_CHANNELS}, not {channels}")
    now = store.limits.all().get(scope)
    rate = rate_cps if rate_cps is not None or now is None else now.rate_cps
    most = channels if channels is not None or now is None else now.channels
    override = Override(scope, rate, most, now_ms(), login_name())
    store.limits.set(override)
    return override
