"""A law asked of one person after another: what is the same for everybody of a batch is answered once.

What is asked then and what `explain` asks are the same rules in the same order; a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from ivr.rules.gate import YES, Check, Facts, Kind, Rules, Verdict

Left = Callable[[Facts], Rules]


def left_to_ask(rules: Rules, of_campaign: Collection[str]) -> Left:
    """Which of the rules must still be asked of the person; asked anew only when what a campaign's rules ask changes.

    of_campaign: the names of those that ask nothing of the person.
    """
    last: tuple[Facts, Rules] | None = None

    def left(facts: Facts) -> Rules:
        nonlocal last
        kept = last  # another thread may ask meanwhile of something else
        if kept is not None and _same(kept[0], facts):
            return kept[1]
        found = tuple(_left(rules, of_campaign, facts))
        last = (facts, found)
        return found

    return left


def _left(rules: Rules, of_campaign: Collection[str], facts: Facts) -> Iterator[tuple[str, Check]]:
    """The rules about people up to the first about the campaign that says no yes: nobody comes past that one."""
    for name, rule in rules:
        if name not in of_campaign:
            yield name, rule
            continue
        verdict = rule(facts)
        if verdict.kind is not Kind.YES:
            yield name, _always(verdict)
            return


def _always(verdict: Verdict) -> Check:
    return lambda _: verdict


def _same(one: Facts, other: Facts) -> bool:
    """Whether nothing that a rule about campaigns asks differs; of nobody, such a rule knows nothing either."""
    return (
        one.now is other.now
        and one.about is other.about
        and one.campaign is other.campaign
        and one.expires == other.expires
        and one.caller_id == other.caller_id
        and one.halted is other.halted
        and one.notice_present is other.notice_present
        and one.lab is other.lab
        and (one.person is None) is (other.person is None)
    )


def all_in_one(rules: Rules) -> Check:
    """One answer for permissions of which each is judged with all before it: the yes of the last is the yes of all.

    Else it names the first that says no yes.
    """
    last = rules[-1][1]

    def answer(facts: Facts) -> Verdict:
        if last(facts).kind is Kind.YES:
            return YES
        answers = ((name, rule(facts)) for name, rule in rules)
        said = ((name, verdict) for name, verdict in answers if verdict.kind is not Kind.YES)
        return next((replace(verdict, rule=name + verdict.rule) for name, verdict in said), YES)

    return answer
