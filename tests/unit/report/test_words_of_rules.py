"""The report says of each rule of a pack what it demands, in both languages; a rule that lacked a fact too."""

from __future__ import annotations

import pytest

from ivr.adapters import rule_packs
from ivr.doors.report.words import words
from ivr.usecases.reporting import Part


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_rule_of_every_pack_has_its_sentence(language: str) -> None:
    say = words(language)
    rules = rule_packs.sentences()
    assert {"FR-CNS-1", "P-SRC-1", "FR-SIL-1"} <= rules.keys()
    for rule, says in rules.items():
        told = say.part(Part(rule, 1, 2))
        assert told.startswith(rule)
        assert getattr(says, language) in told
        assert getattr(says, language) in say.part(Part(f"{rule}-unknown", 1, 2))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("rule", ["suppressed", "pack-effective", "message-class"])
def test_what_every_campaign_is_asked_has_words_too(language: str, rule: str) -> None:
    assert words(language).part(Part(rule, 1, 2)) != rule
