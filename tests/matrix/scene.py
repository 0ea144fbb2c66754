"""The one scene of the matrix: a campaign at its height, photographed with somebody in every column, struck, and told
of at its end.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ivr.adapters.queues import GROUP, ORIGINATE, RESULTS
from ivr.errors import IvrError
from ivr.rules.electorate import Person
from ivr.rules.records import Campaign
from ivr.rules.states import AttemptState
from tests.matrix.columns import Columns, attempts, columns, not_at_carrier
from tests.matrix.hold import Hold
from tests.matrix.installation import LIVE, RATE_CPS, SIPP, Installation
from tests.matrix.looks import Looks
from tests.stack import wait_for

TRIES = 5
"""On a busy machine somebody may have left a column before everybody stood."""
PATIENCE_S = 60.0
"""How long the end of an outage is waited for: what is allowed is in the promises, here it is measured."""


@dataclass
class Scene:
    """A campaign that runs, and what is known of its instant."""

    up: Installation
    campaign: Campaign
    people: list[Person]
    looks: Looks
    columns: Columns = field(default_factory=lambda: Columns(0, 0, 0, 0, 0, 0, 0))
    struck_ms: int = 0
    thawed_ms: int = 0
    cut_until_ms: int = 0
    back_s: float = 0.0
    _index_of: dict[str, int] = field(default_factory=dict)
    _known: set[int] = field(default_factory=set)
    _done: int = 0
    _stale: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._index_of = {person.number: person.index for person in self.people}
        self._stale = self.up.handed(ORIGINATE)

    @contextlib.contextmanager
    def frozen(self, *, recording: bool = False) -> Iterator[Hold]:
        """Within, somebody is in every column, and `columns` says how many; then whoever is left goes on.

        The originate worker stands between claim and order; the controller has sent calls that have not reached the
        carrier; the record worker stands before results that wait or, with `recording`, between commit and settling.
        """
        line = self.up.stack.line
        wait_for(lambda: len(self.up.stack.line.ringing) + len(line.talking) >= LIVE, f"{LIVE} called at once", 90)
        for last in (False,) * TRIES + (True,):
            with Hold(self.up) as hold:
                self._arrange(hold, recording)
                if last or not self.columns.empty():
                    self._note_instant()
                    yield hold
                    break
            wait_for(lambda: len(self._in(AttemptState.CLAIMED)) >= RATE_CPS / 2, "orders again", 10)
        self.thawed_ms = int(time.time() * 1000)

    def _arrange(self, hold: Hold, recording: bool) -> None:
        up = self.up
        hold.stop_unlocked("record-0")  # its job goes on as long as results come: it is hardly ever idle
        wait_for(lambda: up.redis.xlen(RESULTS), "results that nobody has recorded")
        ordered = self._stand_in_jobs(hold, recording)
        hold.stop(SIPP)
        wait_for(lambda: not_at_carrier(up, self.campaign, self._index_of), "a call that is under way", 5)
        hold.stop_unlocked("controller")
        self.columns = columns(up, self.campaign, self._index_of, ordered)

    def _stand_in_jobs(self, hold: Hold, recording: bool) -> set[str]:
        """The workers have committed, and stand at their next word to Redis; the claims whose order had been sent."""
        hold.stop_idle("originate-0", self._stale)
        wait_for(lambda: self.up.handed(ORIGINATE) - self._stale, "a job to originate", 10)
        with self.up.database_locked():
            ordered, done, at_work = self._in(AttemptState.CLAIMED), self._outcomes(), self._originating()
            hold.go_on("originate-0")
            wait_for(lambda: self._originating() - at_work, "that job at work", 10)
            if recording:
                hold.go_on("record-0")
                wait_for(self._recording, "results in the hands of a job", 10)
            hold.stop_writes_to_redis()
        wait_for(lambda: self._in(AttemptState.CLAIMED) - ordered, "claims without an order", 10)
        wait_for(lambda: not recording or self._outcomes() > done, "results that are recorded and not settled", 10)
        return ordered

    def _originating(self) -> set[bytes]:
        """The jobs at work by RQ's account, which also has those of workers that were killed."""
        jobs: Any = self.up.redis.zrange("rq:wip:originate", 0, -1)
        return set(jobs)

    def _recording(self) -> bool:
        """Whether the record worker has read results that it has not settled."""
        mine = f"worker-{self.up.pid('record-0')}"
        return bool(self.up.redis.xpending_range(RESULTS, GROUP, "-", "+", 1, consumername=mine))

    def unsent(self) -> set[str]:
        """Attempts committed as dialing whose Originate has not left the controller, which stands still."""
        return self._in(AttemptState.DIALING) - self.up.ami.passed()

    def _in(self, state: AttemptState) -> set[str]:
        return set(attempts(self.up, self.campaign, state))

    def _note_instant(self) -> None:
        """What is to be there beyond this when all is back to work."""
        self.struck_ms = int(time.time() * 1000)
        tried = [attempts(self.up, self.campaign, state) for state in AttemptState]
        self._known = {self._index_of[number] for some in tried for number in some.values()}
        self._done = self._outcomes()

    def wait_back(self, since_s: float) -> None:
        """All is back to work; `back_s` says how long after `since_s` (monotonic clock).

        That is: somebody was claimed, ordered and called, a result was recorded, and every part shows that it works.
        """
        wait_for(lambda: set(self.up.stack.line.called) - self._known, "a new call", PATIENCE_S)
        wait_for(lambda: self._outcomes() > self._done, "a new result", PATIENCE_S)
        wait_for(self._works, "every part", PATIENCE_S)
        self.back_s = time.monotonic() - since_s

    def _outcomes(self) -> int:
        try:
            return sum(self.up.store.campaigns.books(self.campaign.id).outcomes.values())
        except IvrError:
            return 0

    def _works(self) -> bool:
        try:
            return self.up.works()
        except IvrError:
            return False
