"""The states of campaigns, targets and attempts, and the one table of moves between them."""

from __future__ import annotations

from enum import StrEnum

from ivr.errors import BadTransition


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class TargetState(StrEnum):
    """Where one contact of a campaign's audience stands."""

    DUE = "due"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    NOT_ALLOWED = "not_allowed"


class AttemptState(StrEnum):
    """Where one call that was or may have been placed stands."""

    CLAIMED = "claimed"  # an order exists; nothing was sent
    RELEASED = "released"  # given back undialled
    DIALING = "dialing"  # committed before Originate is sent: from here it may have rung
    ANSWERED = "answered"  # on the line
    ENDED = "ended"


class Outcome(StrEnum):
    """How an attempt ended."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    INVALID_NUMBER = "invalid_number"
    CONGESTION = "congestion"
    FAILED = "failed"
    UNKNOWN = "unknown"


CAMPAIGN_MOVES = {
    CampaignState.DRAFT: {CampaignState.RUNNING, CampaignState.STOPPED},
    CampaignState.RUNNING: {CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.FINISHED},
    CampaignState.PAUSED: {CampaignState.RUNNING, CampaignState.STOPPED},
    CampaignState.STOPPED: set(),
    CampaignState.FINISHED: set(),
}

ATTEMPT_MOVES = {
    AttemptState.CLAIMED: {AttemptState.DIALING, AttemptState.RELEASED},
    AttemptState.RELEASED: set(),
    # Back from dialing only when it is certain that nothing was sent (AmiDown): every doubt stays where it is.
    AttemptState.DIALING: {AttemptState.ANSWERED, AttemptState.ENDED, AttemptState.RELEASED},
    AttemptState.ANSWERED: {AttemptState.ENDED},
    AttemptState.ENDED: set(),
}


def move_campaign(now: CampaignState, then: CampaignState) -> CampaignState:
    """`then`, if a campaign may go there from `now`; else BadTransition naming both."""
    if then not in CAMPAIGN_MOVES[now]:
        raise BadTransition(f"a campaign that is {now} cannot become {then}")
    return then


def sources(then: AttemptState) -> tuple[AttemptState, ...]:
    """The states from which an attempt may go to `then`: the WHERE of the conditional update."""
    return tuple(state for state, targets in ATTEMPT_MOVES.items() if then in targets)
