"""Words and numbers as a French or English reader writes them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.adapters import rule_packs
from ivr.doors.report import words_en, words_fr
from ivr.rules.dips import Dip
from ivr.rules.typical import Typical
from ivr.usecases.reporting import Measure, Part, Report

CATALOGUES = {"fr": words_fr.WORDS, "en": words_en.WORDS}
LANGUAGES = tuple(CATALOGUES)
THIN = "\u202f"
TINY = 0.001


def clean(text: str) -> str:
    """`text` on one line, without control or direction characters: a name cannot move the cursor or mirror a page."""
    kept = (" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join("".join(kept).split())


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words, and its way of writing numbers and times. zone: a time zone's name."""

    language: str
    zone: str
    catalogue: Mapping[str, str]

    def __call__(self, name: str, **values: str) -> str:
        """The words for `name`; a name without words (a rule's, say) stands for itself."""
        found = self.catalogue.get(name)
        return found.format(**values) if found is not None else clean(name)

    def definition(self, name: str) -> str:
        """What the measure `name` means."""
        return self(f"{name}.def")

    def number(self, value: float, decimals: int = 0) -> str:
        """1234.5 as 1 234,5 or 1,234.5."""
        text = f"{value:,.{decimals}f}"
        return text.translate({ord(","): THIN, ord("."): ","}) if self.language == "fr" else text

    def percent(self, share: float | None, decimals: int = 1) -> str:
        """0.642 as 64,2 % or 64.2%; a dash for None."""
        if share is None:
            return "–"
        return self.number(100 * share, decimals) + (f"{THIN}%" if self.language == "fr" else "%")

    def seconds(self, value: float) -> str:
        """20.0 as 20 s, 7.25 as 7,3 s."""
        return self.number(value, 0 if abs(value - round(value)) < 0.05 else 1) + "\u00a0s"

    def day_time(self, at_ms: int) -> str:
        """An instant in the campaign's time zone, to the minute."""
        at = datetime.fromtimestamp(at_ms / 1000, _zone(self.zone))
        return f"{at:%d/%m/%Y %H:%M}" if self.language == "fr" else f"{at:%Y-%m-%d %H:%M}"

    def value(self, measure: Measure, beyond_s: float) -> str:
        """The measure's value. beyond_s: the message's length, for a median that lies after it."""
        if measure.kind == "count":
            return self.number(measure.value or 0)
        if not measure.denominator:
            return "–"
        if measure.kind == "seconds":
            return self.instant(measure.value, beyond_s)
        return self.percent(measure.value)

    def instant(self, value: float | None, beyond_s: float) -> str:
        """Seconds into the message, or that they lie after its end."""
        return self("beyond", d=self.seconds(beyond_s)) if value is None else self.seconds(value)

    def span(self, measure: Measure, beyond_s: float) -> str:
        """The measure's interval, "" when it has none."""
        if not measure.denominator or measure.kind == "count":
            return ""
        if measure.kind == "seconds":
            ends = [self.instant(end, beyond_s) for end in (measure.low, measure.high)]
            return ends[0] if ends[0] == ends[1] else "\u00a0– ".join(ends)
        if measure.low is None or measure.high is None:
            return ""
        low = self.number(100 * measure.low, 1)
        return f"{low}\u00a0–\u00a0{self.percent(measure.high)}"

    def counted(self, measure: Measure) -> str:
        """Numerator and denominator: "212 of 300"."""
        if measure.denominator is None:
            return ""
        if measure.kind == "seconds":
            return f"n = {self.number(measure.denominator)}"
        over = measure.numerator or 0
        shown = f"{self.number(over, 1)} {self('messages_heard')}" if measure.kind == "mean" else self.number(over)
        return f"{shown} {self('of')} {self.number(measure.denominator)}"

    def points(self, low: float, high: float) -> str:
        """An interval of a difference of shares, in points: "-2.1 … 6.4"."""
        return f"{self.number(100 * low, 1)}\u00a0…\u00a0{self.number(100 * high, 1)}"

    def chance(self, p: float) -> str:
        """How often chance alone goes so far: "p = 0.031"."""
        return self("p_tiny", p=self.number(TINY, 3)) if p < TINY else self("p_value", p=self.number(p, 3))

    def sentence(self, report: Report) -> str:
        """The report in one sentence: over how many answered calls how much was heard."""
        rate = report.measure("listen_rate")
        if rate.value is None:
            return self("sentence_none")
        name = "sentence_one" if report.answered == 1 else "sentence"
        return self(name, n=self.number(report.answered), share=self.percent(rate.value))

    def typical(self, found: Typical) -> str:
        """What earlier messages of that length were listened to, half way and at the end."""
        half, end = found.places[len(found.places) // 2], found.places[-1]
        told = {"half": self.percent(half.middle, 0), "end": self.percent(end.middle, 0)}
        span = {"low": self.number(100 * end.low), "high": self.percent(end.high, 0)}
        return self("typical", n=self.number(found.messages), **told, **span)

    def dips(self, found: Sequence[Dip]) -> str:
        """At which seconds more people left than around them; "" when at none."""
        told = "; ".join(self("dip", **self._dip(one)) for one in found)
        return self("dips", list=told) if told else ""

    def _dip(self, one: Dip) -> dict[str, str]:
        end_s = one.at_ms / 1000
        begin_s = max(-(-one.at_ms // 1000) - 1, 0)
        counts = {"left": self.number(one.left), "of": self.number(one.observed), "expected": self.number(one.expected)}
        return {"from_s": self.seconds(begin_s), "to_s": self.seconds(end_s), **counts}

    def part(self, part: Part) -> str:
        """The words for a part of a breakdown; a rule that lacked a fact is said by the rule's own words."""
        rule = part.id.removesuffix("-unknown")
        if rule != part.id:
            return self("fact_unknown", rule=self._demand(rule))
        return self._demand(part.id)

    def _demand(self, part: str) -> str:
        """Of a rule of a pack, its name and what it demands."""
        named, says = self(self._name(part)), rule_packs.sentences().get(part)
        if says is None:
            return named
        return f"{named}\u00a0: {says.fr}" if self.language == "fr" else f"{named}: {says.en}"

    def value_of(self, dimension: str, value: str) -> str:
        """The words for one value of a breakdown: "mobile", "call 2", "fixed line"."""
        if not value:
            return self("not_known")
        if dimension == "attempt":
            return self("attempt.of", n=clean(value))
        name = f"line.{value}"
        return self(name) if dimension == "line_type" and name in self.catalogue else clean(value)

    def segment(self, name: str) -> str:
        """The words for a segment of the call: "notice" is also the name of a measure."""
        return self("segment.notice" if name == "notice" else name)

    def _name(self, part: str) -> str:
        kinds = (f"{kind}.{part}" for kind in ("fate", "segment", "rule"))
        return next((name for name in kinds if name in self.catalogue), part)


def words(language: str, zone: str = "UTC") -> Words:
    """The words of `language` ("fr", "fr-FR", "en"…); English for one that has none."""
    short = language.lower()[:2]
    known = short if short in CATALOGUES else "en"
    return Words(known, zone, CATALOGUES[known])


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
