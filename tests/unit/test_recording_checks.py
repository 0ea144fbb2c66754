"""The rules over measured facts, and the words for each finding."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import Any

import pytest

from ivr.rules import recording_checks, recording_words
from ivr.rules.recording_checks import ACCEPTABLE, Finding, Limits, Severity, accepted, judge, refuses
from ivr.rules.recording_facts import Echo, Quality, RecordingFacts, Sides

LIMITS = Limits(3.0, 120.0)
CLEAN = RecordingFacts(
    length_s=20.0,
    speech=((0.3, 8.0), (8.6, 19.7)),
    music=(),
    singing=(),
    active_dbov=-20.0,
    noise_dbov=-65.0,
    hum_db=-90.0,
    crest_db=15.0,
    flat_tops=(),
    loudest_s=4.0,
    noisiest_s=None,
    bandwidth_hz=7800.0,
    phrase_spread_db=1.0,
    opening_db=-60.0,
    closing_db=-60.0,
    echo=Echo(0.05, 0.01, 0.0),
    sides=Sides((-20.0, -21.0), 0.9),
    quality=Quality(3.1, 3.2, 4.0),
)
FLAWS: dict[str, dict[str, Any]] = {
    "too_long": {"length_s": 130.0},
    "long": {"length_s": 100.0, "speech": ((0.3, 99.0),)},
    "too_short": {"length_s": 2.0, "speech": ((0.3, 1.8),)},
    "silent": {"active_dbov": float("-inf"), "speech": ()},
    "no_voice": {"speech": ()},
    "test_signal": {"speech": (), "crest_db": 3.0, "tonal_share": 1.0},
    "mostly_silence": {"speech": ((15.0, 19.5),)},
    "much_silence": {"speech": ((0.3, 3.5), (15.0, 19.0))},
    "long_pause": {"speech": ((0.3, 8.0), (13.0, 19.5))},
    "music_only": {"speech": ((1.0, 2.0),), "music": ((2.0, 20.0),)},
    "music": {"music": ((2.0, 9.0),)},
    "singing": {"singing": ((2.0, 19.0),)},
    "too_noisy": {"noise_dbov": -30.0},
    "noisy": {"noise_dbov": -40.0},
    "quiet": {"active_dbov": -50.0, "noise_dbov": -95.0},
    "hum": {"hum_db": -20.0},
    "saturated": {"flat_tops": tuple(n / 30 for n in range(300))},
    "some_saturation": {"flat_tops": (3.1, 3.2, 3.3, 3.4, 3.5)},
    "narrow_band": {"bandwidth_hz": 2000.0},
    "uneven": {"phrase_spread_db": 8.0},
    "echo": {"echo": Echo(0.2, 0.4, 4.0)},
    "two_voices": {"sides": Sides((-20.0, -20.0), 0.0)},
    "dead_side": {"sides": Sides((-20.0, -90.0), 0.0)},
    "opposite_sides": {"sides": Sides((-20.0, -20.0), -1.0)},
    "cut_start": {"opening_db": 2.0},
    "cut_end": {"closing_db": 2.0},
    "poor_quality": {"quality": Quality(1.8, 2.0, 2.0)},
    "music_unknown": {"heard_by_model": False},
}


def test_nothing_is_wrong_with_a_clean_recording() -> None:
    assert judge(CLEAN, LIMITS) == ()


@pytest.mark.parametrize("name", FLAWS)
def test_each_flaw_has_its_finding(name: str) -> None:
    found = judge(replace(CLEAN, **FLAWS[name]), LIMITS)
    assert name in [finding.name for finding in found]
    assert len(found) <= 2


@pytest.mark.parametrize("name", ["cut_start", "cut_end"])
def test_noise_that_begins_the_recording_is_no_cut_word(name: str) -> None:
    noisy = replace(CLEAN, **FLAWS[name] | {"opening_db": -15.0, "closing_db": -15.0, "noise_dbov": -36.0})
    assert [finding.name for finding in judge(noisy, LIMITS)] == ["noisy"]


def test_the_worst_comes_first_then_the_order_of_hearing() -> None:
    facts = replace(CLEAN, noise_dbov=-30.0, music=((9.0, 15.0),), echo=Echo(0.2, 0.4, 4.0), phrase_spread_db=9.0)
    found = judge(replace(facts, music=((9.0, 12.0),)), LIMITS)
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, key=list(Severity).index)
    assert refuses(found)
    assert not refuses(judge(CLEAN, LIMITS))


def test_where_it_is() -> None:
    assert judge(replace(CLEAN, flat_tops=tuple(3 + n / 99 for n in range(30))), LIMITS)[0].at_s == 3
    pause = judge(replace(CLEAN, speech=((0.3, 8.0), (13.0, 19.5))), LIMITS)[0]
    assert (pause.at_s, pause.until_s) == (8.0, 13.0)
    assert recording_words.where(pause, "fr") == "à 0:08"
    assert recording_words.where(replace(pause, at_s=75.9), "en") == "at 1:15"


def names_in_rules() -> set[str]:
    return set(re.findall(r'Finding\(\s*"(\w+)"', inspect.getsource(recording_checks)))


def test_every_finding_has_words_in_every_language() -> None:
    french, english = recording_words.FRENCH, recording_words.ENGLISH
    assert set(french) == set(english) >= names_in_rules() | {"unreadable", "other_sponsor", "seen_before"}
    for name, (wrong, remedy) in french.items():
        for one, other in zip((wrong, remedy), english[name], strict=True):
            assert sorted(re.findall(r"{(\w+)", one)) == sorted(re.findall(r"{(\w+)", other)), name
            assert one
            assert not one.endswith(".")


@pytest.mark.parametrize("language", recording_words.LANGUAGES)
@pytest.mark.parametrize("name", FLAWS)
def test_every_finding_can_be_said(name: str, language: str) -> None:
    found = next(one for one in judge(replace(CLEAN, **FLAWS[name]), LIMITS) if one.name == name)
    said = recording_words.line(found, language)
    assert "{" not in said
    assert "\n" not in said


@pytest.mark.parametrize("name", sorted(FLAWS))
def test_somebody_can_answer_for_what_refuses_but_not_for_length_or_silence(name: str) -> None:
    found = [one for one in judge(replace(CLEAN, **FLAWS[name]), LIMITS) if one.severity is Severity.REFUSES]
    still = accepted(tuple(found), [one.name for one in found])
    assert {one.name for one in found} <= ACCEPTABLE | {"too_long", "too_short", "silent"}
    assert {one.name for one in still if one.severity is Severity.REFUSES}.isdisjoint(ACCEPTABLE)


def test_what_was_measured_is_said_in_the_language_of_the_findings() -> None:
    french = "20,0 s, dont 18,8 s de voix à -20,0 dBov, 45 dB au-dessus du bruit, DNSMOS 3,1 sur 5"
    english = "20.0 s, 18.8 s of speech at -20.0 dBov, 45 dB above the noise"
    assert recording_words.measured(CLEAN, "fr") == french
    assert recording_words.measured(replace(CLEAN, quality=None), "en") == english


def test_numbers_are_written_as_the_language_writes_them() -> None:
    pause = Finding("long_pause", Severity.NOTES, 8.0, 13.0, {"pause_s": 5.25})
    assert recording_words.says(pause, "fr")[0] == "un silence de 5,2 s au milieu du message"
    assert recording_words.says(pause, "en")[0] == "a silence of 5.2 s within the message"
