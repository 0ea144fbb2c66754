import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.doctor import MEANINGS, Booked, Evidence, Kind, examine
from ivr.rules.states import AttemptState, Outcome

NOW_MS = 1_800_000_000_000
OLD_MS = NOW_MS - 60_000

IDS = st.sampled_from("abcdefgh")
SINCE_MS = st.integers(NOW_MS - 90_000, NOW_MS)
BOOKED = st.builds(Booked, st.sampled_from(AttemptState), SINCE_MS, st.sampled_from(Outcome), st.booleans())
EVIDENCE = st.builds(
    Evidence, st.dictionaries(IDS, BOOKED), st.sets(IDS), st.dictionaries(IDS, st.booleans()), st.sets(IDS)
)


def ended(outcome: Outcome = Outcome.ANSWERED, has_listen: bool = True) -> Booked:
    return Booked(AttemptState.ENDED, OLD_MS, outcome, has_listen)


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        (Evidence({"a": Booked(AttemptState.CLAIMED, OLD_MS)}), Kind.CLAIM_WITHOUT_ORDER),
        (Evidence({"a": Booked(AttemptState.CLAIMED, OLD_MS)}, channels={"a"}), Kind.SENT_BUT_RELEASED),
        (Evidence({"a": Booked(AttemptState.RELEASED, OLD_MS)}, answered={"a": False}), Kind.SENT_BUT_RELEASED),
        (Evidence({"a": Booked(AttemptState.DIALING, OLD_MS)}), Kind.NO_TRACE),
        (Evidence({"a": Booked(AttemptState.ANSWERED, OLD_MS)}, answered={"a": True}), Kind.END_NOT_HEARD),
        (Evidence({"a": ended()}, channels={"a"}), Kind.CHANNEL_AFTER_END),
        (Evidence({"a": ended()}, answered={"a": False}), Kind.ANSWER_DIFFERS),
        (Evidence({"a": ended(Outcome.BUSY)}, answered={"a": True}), Kind.ANSWER_DIFFERS),
        (Evidence({"a": ended(has_listen=False)}, outbox={"a"}), Kind.RESULT_NOT_RECORDED),
        (Evidence({"a": ended(has_listen=False)}), Kind.LISTEN_MISSING),
        (Evidence(channels={"a"}), Kind.CHANNEL_WITHOUT_OWNER),
        (Evidence(answered={"a": True}), Kind.CALL_NOT_IN_BOOKS),
    ],
)
def test_each_difference_is_found_and_explained(evidence: Evidence, kind: Kind) -> None:
    (found,) = examine(evidence, NOW_MS)
    assert (found.kind, found.attempts, found.count) == (kind, ("a",), 1)
    assert found.explanation
    assert found.what_was_done


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(),
        Evidence({"a": Booked(AttemptState.CLAIMED, NOW_MS - 20_000)}),
        Evidence({"a": Booked(AttemptState.RELEASED, OLD_MS)}),
        Evidence({"a": Booked(AttemptState.DIALING, OLD_MS)}, channels={"a"}),
        Evidence({"a": Booked(AttemptState.DIALING, NOW_MS - 4_000)}),
        Evidence({"a": ended()}, answered={"a": True}, outbox={"a"}),
        Evidence({"a": ended(Outcome.UNKNOWN)}),
        Evidence({"a": ended(Outcome.BUSY)}, answered={"a": False}),
        Evidence({"a": Booked(AttemptState.ENDED, NOW_MS - 15_000, Outcome.ANSWERED)}),
        Evidence(outbox={"a"}),
    ],
)
def test_what_agrees_or_is_news_under_way_is_no_difference(evidence: Evidence) -> None:
    assert examine(evidence, NOW_MS) == []


@settings(max_examples=300)
@given(EVIDENCE)
def test_an_attempt_is_told_of_once_and_young_ones_never(evidence: Evidence) -> None:
    found = examine(evidence, NOW_MS)
    told = [attempt for difference in found for attempt in difference.attempts]
    assert len(told) == len(set(told))
    young = {attempt for attempt, booked in evidence.books.items() if NOW_MS - booked.since_ms < 5_000}
    assert not young & set(told)
    assert [difference.kind for difference in found] == [kind for kind in Kind if kind in {one.kind for one in found}]


@settings(max_examples=300)
@given(EVIDENCE)
def test_a_call_that_the_pbx_knows_and_the_books_do_not_is_never_passed_over(evidence: Evidence) -> None:
    told = {attempt for difference in examine(evidence, NOW_MS) for attempt in difference.attempts}
    sent = {*evidence.channels, *evidence.answered}
    never_sent = {AttemptState.CLAIMED, AttemptState.RELEASED}
    for attempt in sent:
        booked = evidence.books.get(attempt)
        if booked is None or (booked.state in never_sent and NOW_MS - booked.since_ms >= 5_000):
            assert attempt in told


def test_every_kind_has_its_meaning() -> None:
    assert list(MEANINGS) == list(Kind)
