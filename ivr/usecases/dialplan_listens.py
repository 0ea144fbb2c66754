"""Listens measured by the dialplan: what was heard of a call whose AGI script was not there to the end.

The dialplan says with user events where the script had been and what it plays itself, each with its instant.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ivr.adapters.ami import AmiEvent
from ivr.rules.records import Campaign, Sound
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment

FALLBACK = "IvrFallback"
PLAY = "IvrPlay"
STOP = "IvrStop"
RELEASED = "released"
"""The reason of a call that was to be ended at once: we ended it, not the person."""
_PLAYED = re.compile(rf"({'|'.join(Segment)})\.([0-9]{{1,7}})\.([0-9]{{1,15}})")
_STAMP = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


@dataclass(slots=True)
class Story:
    """What the dialplan told of one call. Instants: Unix milliseconds.

    played: what the script had played before the segment it had reached: segment, heard milliseconds, instant.
    spans: what the dialplan played itself: segment, from, to.
    """

    attempt: str
    reason: str
    began_at_ms: int
    reached: str = ""
    reached_at_ms: int | None = None
    played: tuple[tuple[Segment, int, int], ...] = ()
    spans: list[tuple[Segment, int, int | None]] = field(default_factory=list)
    stop_at_ms: int | None = None
    released: bool = False

    def begin(self, segment: Segment, at_ms: int) -> None:
        """The dialplan began to play a segment."""
        self.spans.append((segment, at_ms, None))

    def end(self, at_ms: int) -> None:
        """The segment that was playing ended, if one was."""
        if self.spans and self.spans[-1][2] is None:
            segment, began_ms, _ = self.spans[-1]
            self.spans[-1] = (segment, began_ms, at_ms)

    def stop(self, at_ms: int) -> None:
        """Key 9, which also ended the segment that was playing."""
        self.end(at_ms)
        self.stop_at_ms = at_ms


class DialplanStories:
    """Collects user events and turns them into listens when the calls end."""

    def __init__(self, wall_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self._wall_ms = wall_ms
        self._stories: dict[str, Story] = {}

    def event(self, event: AmiEvent) -> str | None:
        """Notes one user event. Returns the attempt if a stop was asked for."""
        attempt, kind, now_ms = event.get("Attempt"), event.get("UserEvent"), self.instant_ms(event)
        if kind == FALLBACK:
            began = event.get("Began")
            reached_at_ms = int(began) if began.isdecimal() and len(began) < 16 else None
            played = _played(event.get("Played"))
            reached = event.get("Segment")
            fresh = Story(attempt, event.get("Reason"), now_ms, reached, reached_at_ms, played)
            self._stories[attempt] = _gone_on(self._stories.get(attempt), fresh)
        story = self._stories.get(attempt)
        if story and kind == PLAY and event.get("Status") == "begin" and event.get("Segment") in list(Segment):
            story.begin(Segment(event.get("Segment")), now_ms)
        elif story and kind == PLAY:
            story.end(now_ms)
        if kind == STOP:
            if story:
                story.stop(now_ms)
            return attempt
        return None

    def heard_nine(self, attempt: str, at_ms: int) -> None:
        """The script of this call died of something with a 9 that it had not told the dialplan of."""
        story = self._stories.get(attempt)
        if story and story.reached != Segment.CONFIRMATION:
            story.stop_at_ms = at_ms

    def instant_ms(self, event: AmiEvent) -> int:
        """When it happened by Asterisk's own clock: we may have been busy when it came."""
        stamp = event.get("Timestamp")
        return round(float(stamp) * 1000) if _STAMP.fullmatch(stamp) else self._wall_ms()

    def hangup(self, attempt: str, at_ms: int | None = None) -> Story | None:
        """The call ended, now or at that instant: its story, if the dialplan had to step in."""
        story = self._stories.pop(attempt, None)
        if story:
            story.end(self._wall_ms() if at_ms is None else at_ms)
        return story

    def forget_all_but(self, attempts: Collection[str]) -> None:
        """Stories of calls that are over, and whose end was missed, are gone."""
        self._stories = {attempt: story for attempt, story in self._stories.items() if attempt in attempts}


def as_listen(story: Story, campaign: Campaign, ended_by: EndedBy) -> Listen:
    """What was heard: what the script had told, the segment it had reached by the clock, then the dialplan's own."""
    heard = [*_script_plays(story), *_dialplan_plays(story)]
    first_ms = min((at_ms for _, _, at_ms in heard), default=story.began_at_ms)
    sounds = {segment: getattr(campaign, segment.value) for segment in Segment}
    return Listen(
        attempt=story.attempt,
        plays=tuple(_play(sounds[segment], segment, heard_ms, at_ms - first_ms) for segment, heard_ms, at_ms in heard),
        keys=_keys(story, heard, first_ms),
        stop_at_ms=None if story.stop_at_ms is None else max(0, story.stop_at_ms - first_ms),
        ended_by=EndedBy.US if story.released else ended_by,
        measured_by="dialplan",
        error="" if story.reason == RELEASED else f"the dialplan stepped in: {story.reason}",
        at_ms=first_ms,
    )


def _gone_on(before: Story | None, story: Story) -> Story:
    """The story of a call in which the dialplan steps in, for the second time if there is one before."""
    if before is not None and story.reason == RELEASED:
        before.end(story.began_at_ms)
        before.released = True
        return before
    story.released = story.reason == RELEASED
    return story


Heard = tuple[Segment, int, int]
"""A segment, how long it was heard in milliseconds, and since when in Unix milliseconds."""


def _played(text: str) -> tuple[Heard, ...]:
    """The channel variable PLAYED; what cannot be read of it is left out."""
    found = filter(None, map(_PLAYED.fullmatch, text.split("-")))
    return tuple((Segment(match[1]), int(match[2]), int(match[3])) for match in found)


def _script_plays(story: Story) -> list[Heard]:
    """What a script that died had played. One that said itself what was missing tells the last one better."""
    heard = list(story.played)
    if story.reason == "agi" and story.reached in list(Segment) and story.reached_at_ms is not None:
        reached = (Segment(story.reached), max(0, story.began_at_ms - story.reached_at_ms), story.reached_at_ms)
        if all((segment, at_ms) != (reached[0], reached[2]) for segment, _, at_ms in heard):
            heard.append(reached)
    return heard


def _dialplan_plays(story: Story) -> list[Heard]:
    return [(segment, max(0, (to_ms or from_ms) - from_ms), from_ms) for segment, from_ms, to_ms in story.spans]


def _play(sound: Sound, segment: Segment, heard_ms: int, began_ms: int) -> Play:
    return Play(segment, sound.sound, min(heard_ms, sound.length_ms), sound.length_ms, began_ms)


def _keys(story: Story, heard: list[Heard], first_ms: int) -> tuple[KeyPress, ...]:
    """The 9, in the last segment that had begun when it was pressed and that can be stopped."""
    if story.stop_at_ms is None:
        return ()
    pressed = [h for h in heard if h[0] is not Segment.CONFIRMATION and h[2] <= story.stop_at_ms]
    segment, heard_ms, began_at_ms = pressed[-1] if pressed else (Segment.PREROLL, 0, story.stop_at_ms)
    taken_by_script = story.reached == Segment.CONFIRMATION
    within_ms = heard_ms if taken_by_script else story.stop_at_ms - began_at_ms
    at_ms = began_at_ms + within_ms - first_ms
    return (KeyPress("9", segment, within_ms, max(0, at_ms)),)
