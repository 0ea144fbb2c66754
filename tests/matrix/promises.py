"""What must hold for every person and every target of a row, whatever died while it ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ivr.rules.segments import CallResult, Segment
from ivr.rules.states import AttemptState, Outcome
from ivr.rules.truth import TruthRow
from tests.faults.promises import doubtful
from tests.matrix.columns import attempts
from tests.matrix.installation import LENGTHS_MS, RATE_CPS
from tests.matrix.scene import Scene
from tests.stack import Verdict

BACK_S = 15.0
ERROR_MS = 100
SILENCE_MS = 2000
WINDOW_MS = 900
"""A rolling second, less what a witness may be late on a busy machine."""
LATE_KEY_MS = 1000
"""A key pressed on a line that is cut this much later may not have arrived."""

Pair = tuple[TruthRow, CallResult]


@dataclass(frozen=True)
class Found:
    """A row's figures and every promise that it broke."""

    error_ms: int
    silence_ms: int
    in_doubt: int
    cut: int
    worst_second: int
    broken: dict[str, list[str]]


def judge(scene: Scene, verdict: Verdict, cuts: bool) -> Found:
    """The row's figures. cuts: the fault cuts the calls that are on the line."""
    cut = {row.number for row, _ in verdict.pairs if cuts and was_on_line(row, scene.struck_ms, scene.cut_until_ms)}
    whole = [pair for pair in verdict.pairs if pair[0].number not in cut]
    errors = {pair[0].number: error_ms(pair) for pair in whole}
    silences = {row.number: row.silence_ms for row, _ in whole}
    in_doubt = [row.number for row, result in verdict.pairs if result.outcome != row.outcome]
    broken = {
        "the books did not balance": [str(books) for books in scene.looks.wrong],
        "a column was empty at the instant": scene.columns.empty(),
        "not back to work": [f"{scene.back_s:.1f} s"] if scene.back_s > BACK_S else [],
        "a listen is not exact": _over(errors, ERROR_MS),
        "silence on the line": _over(silences, SILENCE_MS),
        **once_only(scene, verdict),
        **ended(scene, verdict, cut),
        **kept_to_people(scene, verdict, cut),
    }
    return Found(
        max(errors.values(), default=0),
        max(silences.values(), default=0),
        len(in_doubt),
        len(cut),
        fastest(scene, 1000),
        {what: found for what, found in broken.items() if found},
    )


def was_on_line(row: TruthRow, at_ms: int, until_ms: int = 0) -> bool:
    """Whether the carrier had a call to this person at that instant, or one that began until the other."""
    invited = row.called > 0 and row.invited_ms <= max(at_ms, until_ms) + LATE_KEY_MS
    return invited and (not row.ended_ms or row.ended_ms >= at_ms)


def error_ms(pair: Pair) -> int:
    """How far the books are from what the person's side received, over all segments.

    What was still received while the word of the person's hang-up was on its way may be counted or not.
    """
    row, result = pair
    if not row.answered or result.listen is None or result.listen.measured_by == "none":
        return 0
    told = [(result.listen.heard_ms(segment), row.heard_ms[segment]) for segment in Segment]
    return max(heard - said if said < heard else max(0, said - heard - row.late_ms) for said, heard in told)


def once_only(scene: Scene, verdict: Verdict) -> dict[str, list[str]]:
    """Nobody was called more than once for each allowed attempt; here one is allowed."""
    sent = Counter(attempt for _, attempt in scene.up.ami.originates)
    worst = fastest(scene, WINDOW_MS)
    return {
        "called twice": [_shown(row) for row, _ in verdict.pairs if row.called > 1],
        "dialled twice": [_shown(row) for row, result in verdict.pairs if result.dialled > 1],
        "originated twice": [attempt for attempt, times in sent.items() if times > 1],
        "more than the trunk's rate in a second": [str(worst)] if worst > RATE_CPS else [],
    }


def fastest(scene: Scene, window_ms: int) -> int:
    """The most calls that left in any such window, by the manager's wire.

    By the carrier, from when it was let go on, where a new controller was not on our wire: on a busy machine calls come
    to it in another rhythm than that in which they left us.
    """
    sent_ms = [at_s * 1000 for at_s, _ in scene.up.ami.originates]
    came_ms = scene.up.stack.line.invited_ms
    if len(sent_ms) >= len(came_ms):
        return most_within(sent_ms, window_ms)
    return most_within((at_ms for at_ms in came_ms if at_ms > scene.thawed_ms + window_ms), window_ms)


def most_within(instants: Iterable[float], window: float) -> int:
    """The most that happened in any such window."""
    sorted_ones = sorted(instants)
    first, worst = 0, 0
    for count, at in enumerate(sorted_ones):
        while sorted_ones[first] <= at - window:
            first += 1
        worst = max(worst, count - first + 1)
    return worst


def ended(scene: Scene, verdict: Verdict, cut: Iterable[str]) -> dict[str, list[str]]:
    """Every target and every attempt ended in a state of the tables, and the books say what the carrier saw, or that
    it is not known.

    Whose call was cut may have taken up the telephone while nobody was there to notice: nobody answered, for us.
    """
    cut = set(cut)
    books = verdict.books
    open_states = (AttemptState.CLAIMED, AttemptState.DIALING, AttemptState.ANSWERED)
    left = [attempt for state in open_states for attempt in attempts(scene.up, scene.campaign, state)]
    unnoticed = {row.number for row, result in verdict.pairs if not row.outcome and result.outcome == Outcome.NO_ANSWER}
    apart = [pair for pair in verdict.pairs if pair[0].number not in unnoticed & cut]
    wrong = [pair for pair in apart if pair[1].outcome not in {pair[0].outcome, *doubtful(pair[0])}]
    after_ms = scene.struck_ms + scene.back_s * 1000
    late = [pair for pair in verdict.pairs if pair[0].invited_ms > after_ms and pair[1].outcome != pair[0].outcome]
    return {
        "targets without an end": [str(books)] if books.due or books.in_progress or not books.balance else [],
        "attempts without an end": left,
        "the books contradict the carrier": [_told(pair) for pair in wrong],
        "in doubt although all worked": [_told(pair) for pair in late],
    }


def kept_to_people(scene: Scene, verdict: Verdict, cut: Iterable[str]) -> dict[str, list[str]]:
    """Each 9 is in force, each answered call has a listen, and nobody was left without the notice."""
    cut = set(cut)
    pressed = {row.number for row, _ in verdict.pairs if row.stopped}
    unheard = {row.number for row, _ in verdict.pairs if row.number in cut and pressed_late(row, scene.struck_ms)}
    answered = [(row, result) for row, result in verdict.pairs if result.outcome == Outcome.ANSWERED]
    without = [row for row, _ in verdict.pairs if row.number not in cut and row.answered and not heard_notice(row)]
    return {
        "a 9 is not in force": [number[-4:] for number in pressed - verdict.stopped - unheard],
        "stopped without a 9": [number[-4:] for number in verdict.stopped - pressed],
        "answered without a listen": [_shown(row) for row, result in answered if result.listen is None],
        "left without the notice": [_shown(row) for row in without],
    }


def pressed_late(row: TruthRow, at_ms: int) -> bool:
    """Whether every key of the person came when the line may have been dead."""
    return all(row.answered_ms + key.at_ms > at_ms - LATE_KEY_MS for key in row.keys)


def heard_notice(row: TruthRow) -> bool:
    """All of the notice was heard, or the person hung up, or asked for no more calls and heard that confirmed."""
    if row.ended_by == "listener" or row.heard_ms[Segment.NOTICE] >= LENGTHS_MS[Segment.NOTICE] - ERROR_MS:
        return True
    return row.stopped and row.heard_ms[Segment.CONFIRMATION] > 0


def _over(figures: dict[str, int], limit: int) -> list[str]:
    return [f"{number[-4:]} {figure} ms" for number, figure in figures.items() if figure > limit]


def _shown(row: TruthRow) -> str:
    return f"{row.number[-4:]} {row.plan}"


def _told(pair: Pair) -> str:
    return f"{_shown(pair[0])}: {pair[1].outcome}, the carrier saw {pair[0].outcome or 'nothing'}"
