"""Listens measured by the dialplan: what was heard of a call whose AGI script was not there to the end.

The dialplan says with user events where the script had been and what it plays itself; the moments come from our clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ivr.adapters.ami import AmiEvent
from ivr.rules.records import Campaign, Sound
from ivr.rules.segments import EndedBy, Listen, Play, Segment

FALLBACK = "IvrFallback"
PLAY = "IvrPlay"
STOP = "IvrStop"
ORDER = (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE)


@dataclass(slots=True)
class Story:
    """What the dialplan told of one call. Instants: Unix milliseconds."""

    attempt: str
    reason: str
    began_at_ms: int
    reached: str = ""
    reached_at_ms: int | None = None
    spans: list[tuple[Segment, int, int | None]] = field(default_factory=list)
    stop_at_ms: int | None = None

    def begin(self, segment: Segment, at_ms: int) -> None:
        """The dialplan began to play a segment."""
        self.spans.append((segment, at_ms, None))

    def end(self, at_ms: int) -> None:
        """The segment that was playing ended, if one was."""
        if self.spans and self.spans[-1][2] is None:
            segment, began_ms, _ = self.spans[-1]
            self.spans[-1] = (segment, began_ms, at_ms)


class DialplanStories:
    """Collects user events and turns them into listens when the calls end."""

    def __init__(self, wall_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self._wall_ms = wall_ms
        self._stories: dict[str, Story] = {}

    def event(self, event: AmiEvent) -> str | None:
        """Notes one user event. Returns the attempt if a stop was asked for."""
        attempt, kind, now_ms = event.get("Attempt"), event.get("UserEvent"), self._wall_ms()
        if kind == FALLBACK:
            began = event.get("Began")
            reached_at_ms = int(began) if began.isdecimal() and len(began) < 16 else None
            self._stories[attempt] = Story(attempt, event.get("Reason"), now_ms, event.get("Segment"), reached_at_ms)
        story = self._stories.get(attempt)
        if story and kind == PLAY and event.get("Status") == "begin" and event.get("Segment") in list(Segment):
            story.begin(Segment(event.get("Segment")), now_ms)
        elif story and kind == PLAY:
            story.end(now_ms)
        if kind == STOP:
            if story:
                story.stop_at_ms = now_ms
            return attempt
        return None

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
    """What was heard, from the story: segments before the one the script had reached whole, that one by the clock."""
    sounds = {segment: getattr(campaign, segment.value) for segment in Segment}
    first_ms = story.reached_at_ms or story.began_at_ms
    plays = [*_script_plays(story, sounds), *_dialplan_plays(story, sounds, first_ms)]
    return Listen(
        attempt=story.attempt,
        plays=tuple(plays),
        stop_at_ms=None if story.stop_at_ms is None else max(0, story.stop_at_ms - first_ms),
        ended_by=ended_by,
        measured_by="dialplan",
        error=f"the dialplan stepped in: {story.reason}",
        at_ms=first_ms,
    )


def _script_plays(story: Story, sounds: dict[Segment, Sound]) -> list[Play]:
    """A script that said itself what was missing has told what it played; of one that died only this is known."""
    if story.reason != "agi" or story.reached not in list(Segment):
        return []
    reached = Segment(story.reached)
    whole = ORDER[: ORDER.index(reached)] if reached in ORDER else (Segment.PREROLL,)
    plays = [Play(s, sounds[s].sound, sounds[s].length_ms, sounds[s].length_ms, 0) for s in whole]
    if story.reached_at_ms is not None:
        heard_ms = max(0, min(story.began_at_ms - story.reached_at_ms, sounds[reached].length_ms))
        plays.append(Play(reached, sounds[reached].sound, heard_ms, sounds[reached].length_ms, 0))
    return plays


def _dialplan_plays(story: Story, sounds: dict[Segment, Sound], first_ms: int) -> list[Play]:
    plays = []
    for segment, began_ms, ended_ms in story.spans:
        sound = sounds[segment]
        heard_ms = min((ended_ms or began_ms) - began_ms, sound.length_ms)
        plays.append(Play(segment, sound.sound, max(0, heard_ms), sound.length_ms, max(0, began_ms - first_ms)))
    return plays
