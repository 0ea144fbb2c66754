"""What was measured of a recording, before anybody judges it. Instants and lengths in seconds, from its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Quality:
    """DNSMOS P.835: what a listening panel would probably say, 1 (bad) to 5; clean speech seldom passes 3.4."""

    overall: float
    signal: float
    background: float


@dataclass(frozen=True, slots=True)
class Echo:
    """A second copy of the voice, `delay_s` late and `strength` (0…1) as strong. at_s: where it is first strong."""

    delay_s: float
    strength: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Sides:
    """What a stereo file has on its two sides. level_dbov: left, right. likeness: -1 (opposite) … 1 (the same)."""

    level_dbov: tuple[float, float]
    likeness: float


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """Numbers of one recording. Levels are in dBov, of the mono sound as it came.

    active_dbov: of the speech without its pauses. noise_dbov: of the pauses. hum_db: mains hum against the speech.
    crest_db: how far the peaks stand above the speech. flat_tops: instants at which the wave is cut flat.
    loudest_s, noisiest_s: where the highest peak is, where it is noisiest when nobody speaks, None when that is
    everywhere. bandwidth_hz: up to where there is speech. phrase_spread_db: deviation of the level between phrases.
    kept_from_s: what comes before is silence that the rendering cuts. opening_db, closing_db: how loud the first and
    last moments are against the speech; -inf: silent. heard_by_model: False when only the level told speech from
    silence. tonal_share: of the recording, in which few frequencies hold nearly all the power.
    """

    length_s: float
    speech: tuple[Span, ...]
    music: tuple[Span, ...]
    singing: tuple[Span, ...]
    active_dbov: float
    noise_dbov: float
    hum_db: float
    crest_db: float
    flat_tops: tuple[float, ...]
    loudest_s: float
    noisiest_s: float | None
    bandwidth_hz: float
    phrase_spread_db: float
    opening_db: float
    closing_db: float
    echo: Echo | None = None
    sides: Sides | None = None
    quality: Quality | None = None
    kept_from_s: float = 0.0
    heard_by_model: bool = True
    tonal_share: float = 0.0

    @property
    def speech_s(self) -> float:
        """How long somebody speaks."""
        return total(self.speech)

    @property
    def snr_db(self) -> float:
        """How far the speech stands above the noise."""
        return self.active_dbov - self.noise_dbov

    @property
    def longest_pause(self) -> Span:
        """Between two phrases; (0, 0) when there is none."""
        pauses = [(before[1], after[0]) for before, after in pairwise(self.speech)]
        return max(pauses, key=lambda pause: pause[1] - pause[0], default=(0.0, 0.0))


def total(spans: Iterable[Span]) -> float:
    """How long they last together."""
    return sum(end - begin for begin, end in spans)
