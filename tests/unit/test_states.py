"""The tables of transitions: what is over stays over, and what may have rung never goes back to be dialled."""

from __future__ import annotations

import pytest

from ivr.errors import BadTransition
from ivr.rules.states import ATTEMPT_MOVES, CAMPAIGN_MOVES, AttemptState, CampaignState, move_campaign, sources


def test_every_state_is_in_its_table() -> None:
    assert set(CAMPAIGN_MOVES) == set(CampaignState)
    assert set(ATTEMPT_MOVES) == set(AttemptState)


def reachable(begin: AttemptState) -> set[AttemptState]:
    found: set[AttemptState] = set()
    waiting = [begin]
    while waiting:
        for then in ATTEMPT_MOVES[waiting.pop()] - found:
            found.add(then)
            waiting.append(then)
    return found


def test_no_attempt_begins_twice() -> None:
    for state in AttemptState:
        assert state not in reachable(state), "there is no way round"
        assert AttemptState.CLAIMED not in reachable(state)
    assert sources(AttemptState.DIALING) == (AttemptState.CLAIMED,)


def test_what_was_answered_or_ended_is_never_given_back() -> None:
    assert AttemptState.RELEASED not in reachable(AttemptState.ANSWERED) | reachable(AttemptState.ENDED)
    assert not reachable(AttemptState.ENDED)
    assert not reachable(AttemptState.RELEASED)


def test_only_what_was_sent_ends() -> None:
    assert set(sources(AttemptState.ENDED)) == {AttemptState.DIALING, AttemptState.ANSWERED}


@pytest.mark.parametrize("over", [CampaignState.STOPPED, CampaignState.FINISHED])
@pytest.mark.parametrize("then", CampaignState)
def test_what_is_over_stays_over(over: CampaignState, then: CampaignState) -> None:
    with pytest.raises(BadTransition, match=f"{over} cannot become {then}"):
        move_campaign(over, then)


def test_a_campaign_runs_pauses_and_runs_again() -> None:
    state = CampaignState.DRAFT
    for then in (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.RUNNING, CampaignState.FINISHED):
        state = move_campaign(state, then)
    with pytest.raises(BadTransition):
        move_campaign(CampaignState.PAUSED, CampaignState.FINISHED)
