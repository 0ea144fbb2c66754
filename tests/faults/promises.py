"""What holds for every person of a campaign, whatever died while it ran."""

from __future__ import annotations

from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import Outcome
from ivr.rules.truth import TruthRow
from tests.stack import LENGTHS_MS, Verdict

LIMIT_MS = 100
HEARD_ENOUGH_MS = LENGTHS_MS[Segment.NOTICE] - LIMIT_MS


def kept(verdict: Verdict, lines_cut: int = 0) -> None:
    """As `kept_but_for_time`, and what the books say was heard is what was heard."""
    kept_but_for_time(verdict, lines_cut)
    assert verdict.greatest_error_ms() <= LIMIT_MS, verdict.check.worst


def kept_but_for_time(verdict: Verdict, lines_cut: int = 0) -> None:
    """Nobody was called twice, the books balance, every stop is in force, and nobody was left without the notice.

    lines_cut: people who may have been left without, because the telephone line itself was cut.
    """
    called = {row.number: row.called for row, _ in verdict.pairs}
    assert max(called.values()) == 1, "somebody was called twice"
    assert verdict.check.called_twice == 0
    assert verdict.books.balance
    assert verdict.books.due == verdict.books.in_progress == 0
    assert all(result.dialled == 1 for _, result in verdict.pairs)
    for row, result in verdict.pairs:
        assert result.outcome in {row.outcome, *doubtful(row)}, (row, result)
    pressed = {row.number for row, _ in verdict.pairs if row.stopped}
    assert not [pair for pair in verdict.pairs if pair[0].number in pressed ^ verdict.stopped]
    assert all(result.listen for _, result in verdict.pairs if result.outcome == Outcome.ANSWERED)
    without = [pair for pair in verdict.pairs if pair[0].answered and not heard_notice_or_left(pair[0])]
    assert len(without) <= lines_cut, without


def doubtful(row: TruthRow) -> set[str]:
    """What the books may say when whoever knew better has died: that it is not known, or that it failed."""
    return {Outcome.UNKNOWN} if row.outcome == Outcome.ANSWERED else {Outcome.UNKNOWN, Outcome.FAILED}


def heard_notice_or_left(row: TruthRow) -> bool:
    """The person heard all of the notice, or hung up, or asked for no more calls and heard that confirmed."""
    if row.ended_by == EndedBy.LISTENER or row.heard_ms[Segment.NOTICE] >= HEARD_ENOUGH_MS:
        return True
    return row.stopped and row.heard_ms[Segment.CONFIRMATION] > 0
