"""Whoever is asked about in a batch gets the answer that they would get alone, under every pack."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.frequency import SponsorCall
from ivr.rules.gate import NO, YES, Facts, Kind, Verdict, decide, explain
from ivr.rules.gate_batch import left_to_ask
from ivr.rules.gate_law import law_of
from ivr.rules.pack import MessageClass
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from tests.unit.lawful import ABOUT, CAMPAIGN, GOOD, GRANT, NOW, facts, pack
from tests.unit.test_gate_packs import ABROAD, BAD, GRANTS, MOMENTS

AT_HOME: dict[str, dict[str, Any]] = {
    "fr": {},
    "eu": {"election": ""},
    **{name: values | {"election": ""} for name, values in ABROAD.items()},
}
OF_THE_CAMPAIGN = ("halted", "campaign", "notice_present", "message_class", "sender", "election", "exclusive",
                   "dossier", "caller_ids", "caller_id")  # fmt: skip
OF_A_PERSON = ("suppressed", "sources", "birth_year", "country", "line_type", "calls", "earlier", "zones")


def spoiled(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """None, one or two of the facts as nobody should have them."""
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({name: st.sampled_from(BAD[name]) for name in chosen}))


def alone(asked: Facts) -> Verdict:
    """The answer of rules that were never asked anything before, one by one."""
    assert asked.law is not None
    assert asked.about is not None
    fresh = law_of(asked.law.pack, asked.about.message_class)
    for name, verdict in explain(replace(asked, law=fresh)):
        if verdict.kind is not Kind.YES:
            return replace(verdict, rule=name + verdict.rule, rule_pack=fresh.name)
    return fresh.yes


OFF: list[dict[str, Any]] = [
    {}, {"purpose": "political_information"}, {"explicit": False}, {"direct": False}, {"strong": False},
    {"given_at": NOW - timedelta(days=400)}, {"hours": None}, {"hours": Hours.parse("17:00-19:00")},
]  # fmt: skip
ALMOST = st.sampled_from(OFF).map(lambda off: replace(GRANT, **off))
"""What is a permission for some of the rules, by one word."""
PEOPLE = st.builds(
    lambda grants, changed, calls: {"grants": tuple(grants), "calls": calls} | changed,
    st.lists(st.one_of(GRANTS, ALMOST), max_size=3),
    spoiled(OF_A_PERSON),
    st.lists(st.integers(1, 40), max_size=4).map(
        lambda days: tuple(SponsorCall(NOW - timedelta(days=ago), CAMPAIGN, ago % 2 == 0) for ago in days)
    ),
)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(AT_HOME)),
    st.sampled_from(list(MessageClass)),
    st.lists(st.tuples(spoiled(OF_THE_CAMPAIGN), st.one_of(st.just(NOW), MOMENTS)), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), PEOPLE), min_size=1, max_size=8),
)
def test_asked_in_bulk_is_asked_singly(
    name: str, message_class: MessageClass, campaigns: list[tuple[dict[str, Any], Any]], people: list[tuple[int, Any]]
) -> None:
    """People of several campaigns in turn, as they stand in one batch: each answer is that of one asked alone."""
    at_home = {"message_class": message_class} | AT_HOME[name]
    batch = [facts(name, **(at_home | changed), now=now) for changed, now in campaigns]
    for of, person in people:
        campaign = batch[of % len(batch)]
        alike = facts(name, base=campaign, **person)
        asked = replace(alike, law=campaign.law, about=campaign.about)
        assert decide(asked) == alone(asked)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"halted": True}, {"halted": False}),
        ({"campaign": CampaignState.PAUSED}, {"campaign": CampaignState.RUNNING}),
        ({"notice_present": False}, {"notice_present": True}),
        ({"caller_id": "+33612345678"}, {"caller_id": "+33162123456"}),
        ({"expires": NOW}, {"expires": NOW + timedelta(days=9)}),
        ({"about": replace(ABOUT, exclusive=False)}, {"about": ABOUT}),
        ({"now": GOOD.now}, {"now": NOW.replace(year=2025)}),
        ({"person": None}, {"person": GOOD.person}),
        ({"caller_id": "+33612345678", "lab": False}, {"caller_id": "+33612345678", "lab": True}),
    ],
)
def test_what_changes_within_a_batch_is_asked_anew(first: dict[str, Any], then: dict[str, Any]) -> None:
    one, other = replace(GOOD, **first), replace(GOOD, **then)
    for asked in (one, other, one):
        assert decide(asked) == alone(asked)
    assert decide(one) != decide(other)


def test_a_permission_of_mobiles_alone_does_not_answer_for_those_of_every_line() -> None:
    of_mobiles = next(rule for rule in pack("us").rules if rule.id == "US-1")
    both = pack("fr").model_copy(update={"rules": (*pack("fr").rules, of_mobiles)})
    asked = facts(grants=(), line_type="fixed", base=GOOD)
    verdict = decide(replace(asked, law=law_of(both, MessageClass.ELECTORAL)))
    assert (verdict.kind, verdict.rule) == (Kind.NO, "FR-CNS-1")


def test_rules_about_the_campaign_are_asked_once_for_everybody() -> None:
    asked: list[Facts] = []

    def counting(facts: Facts) -> Verdict:
        asked.append(facts)
        return YES

    rules = (("about-the-campaign", counting), ("of-a-person", lambda _: NO))
    left = left_to_ask(rules, {"about-the-campaign"})
    for _ in range(1000):
        assert left(replace(GOOD, suppressed=True)) == rules[1:]
    assert len(asked) == 1
    left(replace(GOOD, now=NOW + timedelta(minutes=1)))
    assert len(asked) == 2
