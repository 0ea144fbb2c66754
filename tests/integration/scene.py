"""Books with a campaign in them, on a real database: what most tests of the core begin with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters.store import Store
from ivr.adapters.store.audiences import Selection
from ivr.adapters.store.contacts import FileOrigin
from ivr.rules.gate import Verdict
from ivr.rules.records import Campaign, Dialable, Message, Way
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.rules.states import CampaignState
from ivr.rules.tally import Tally
from ivr.settings import Pbx, Settings, Trunk
from ivr.usecases.asking import questions
from ivr.usecases.originating import new_attempt_id

SOUNDS = {
    "preroll": ("p" * 8, 1000),
    "message": ("m" * 8, 4000),
    "notice": ("n" * 8, 2000),
    "confirmation": ("c" * 8, 700),
}
CALLER_ID = "+33199000000"

ON_SQLITE = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)


def wait_for(true: Callable[[], object], what: str, limit_s: float = 20.0) -> None:
    """`true()` holds; else the test fails saying `what` did not come."""
    limit = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < limit, f"{what} did not come within {limit_s:g} s"
        time.sleep(0.01)


def settings_in(home: Path, redis_url: str = "", **changes: Any) -> Settings:
    trunk = Trunk(host="127.0.0.1:5999", rate_cps=50, channels=30, ramp_s=0, caller_id=CALLER_ID)
    defaults: dict[str, Any] = {"pbx": Pbx(), "trunks": {"lab": trunk}, "redis": {"url": redis_url}}
    return Settings(home=home, **(defaults | changes))


@dataclass
class Scene:
    """An installation's books, its settings, and short ways to move them."""

    settings: Settings
    store: Store
    made: int = field(default=0)

    def campaign(
        self,
        people: int = 5,
        start: bool = True,
        sponsor: str = "Jeanne Martin",
        versions: Sequence[tuple[int, float]] = (),
        selection: Selection | None = None,
        **values: Any,
    ) -> Campaign:
        """A campaign of so many new people, or of those selected, running unless told otherwise."""
        self.made += 1
        number = self.made
        numbers = [(f"+3363998{1000 * number + n:04d}", "mobile") for n in range(people)]
        origin = FileOrigin(f"list-{number}", "list.csv", f"{number:064d}")
        batch = self.store.contacts.import_batch(origin, iter(numbers), lambda: 0, 1)
        message = self.store.messages.add(Message(0, f"hello-{number}", *SOUNDS["message"], "hello.wav", "0" * 64), 1)
        spoken: dict[str, Any] = {}
        for part in ("preroll", "notice", "confirmation"):
            spoken |= {part: SOUNDS[part][0], f"{part}_ms": SOUNDS[part][1]}
        self.make_sounds()
        given = {
            "name": f"campaign-{number}", "message_id": message.id, "batch_id": batch.id, "language": "fr",
            "trunks": ["lab"], "rate_cps": 50.0, "hours": "00:00-24:00", "timezone": "Europe/Paris",
            "texts": {}, "created_at_ms": 1,
        }  # fmt: skip
        made = self.store.campaigns.create(given | spoken | values, sponsor, versions, selection=selection)
        if start:
            self.store.campaigns.move(made, CampaignState.RUNNING, 2)
        return self.store.campaigns.named(made.name)

    def make_sounds(self) -> None:
        self.settings.sounds_dir.mkdir(parents=True, exist_ok=True)
        for name, length_ms in SOUNDS.values():
            (self.settings.sounds_dir / f"{name}.alaw").write_bytes(b"\xd5" * (length_ms * 8))

    def ask(self, at: datetime | None = None) -> Callable[[Dialable], Verdict]:
        return questions(self.settings, at or datetime.now(UTC))

    def claim(self, campaign: Campaign, count: int, at_ms: int = 10, at: datetime | None = None) -> list[str]:
        """Claims, as of `at` if it is given: then that is also when they are made."""
        ids = [new_attempt_id(at or datetime.now(UTC)) for _ in range(count)]
        made_ms = int(at.timestamp() * 1000) if at else at_ms
        return self.store.attempts.claim(campaign.id, Way("pbx1", campaign.trunks[0]), ids, self.ask(at), made_ms)

    def claim_all(self, campaign: Campaign, at_once: int) -> int:
        """Claims until nobody is due; how many it got. Others who claim meanwhile may leave it none for a moment."""
        claimed = 0
        while self.store.campaigns.books(campaign.id).due:
            claimed += len(self.claim(campaign, at_once))
        return claimed

    def begin(self, attempt: str, at_ms: int = 20, at: datetime | None = None) -> Dialable | None:
        made_ms = int(at.timestamp() * 1000) if at else at_ms
        return next(iter(self.store.attempts.begin_dialing_many([attempt], self.ask(at), made_ms)), None)

    def dialing(self, campaign: Campaign, count: int = 1) -> list[str]:
        attempts = self.claim(campaign, count)
        begun = self.store.attempts.begin_dialing_many(attempts, self.ask(), 20)
        assert [dialable.attempt for dialable in begun] == attempts
        return attempts

    @property
    def on_postgres(self) -> bool:
        return self.store.database.engine.dialect.name == "postgresql"

    def states(self, table: str = "attempts") -> dict[Any, str]:
        with self.store.database.read() as connection:
            return {row[0]: row[1] for row in connection.exec_driver_sql(f"SELECT id, state FROM {table}")}  # noqa: S608

    def rows(self, sql: str) -> list[Any]:
        with self.store.database.read() as connection:
            return list(connection.exec_driver_sql(sql).all())


def check_counts(scene: Scene, campaign: Campaign) -> None:
    """What is kept of the campaign's calls and targets is what each attempt, listen and target says."""
    kept, recounted = scene.store.tallies.recounted(campaign.id)
    for version in kept.keys() | recounted.keys():
        mine, again = kept.get(version, Tally()), recounted.get(version, Tally())
        assert {cell: sums for cell, sums in mine.cells.items() if any(sums.values)} == again.cells
        assert (mine.instants, mine.stops) == (again.instants, again.stops)
    columns = "version, state, outcome, rule"
    counted = scene.rows(
        f"SELECT {columns}, sum(targets) FROM target_counts WHERE campaign_id = {campaign.id} "  # noqa: S608
        f"GROUP BY {columns} HAVING sum(targets) <> 0 ORDER BY {columns}"
    )
    rows = f"SELECT {columns}, count(*) FROM targets WHERE campaign_id = {campaign.id}"  # noqa: S608
    assert counted == scene.rows(f"{rows} GROUP BY {columns} ORDER BY {columns}")


def listen(attempt: str, heard_ms: int = 4000, measured_by: str = "agi", **values: Any) -> Listen:
    """A listen of one message play."""
    play = Play(Segment.MESSAGE, SOUNDS["message"][0], heard_ms, 4000, 0)
    given: dict[str, Any] = {"ended_by": EndedBy.LISTENER, "measured_by": measured_by, "at_ms": 50}
    return Listen(attempt, (play,), **(given | values))
