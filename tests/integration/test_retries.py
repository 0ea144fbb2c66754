"""Calling again, in the books: when the policy says so, and never for any other reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.adapters.store import schema
from ivr.rules.records import Books, Campaign
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, finishing
from ivr.usecases.recording import end_result, listen_result, record
from tests.integration.scene import Scene, listen

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2026, 11, 23, 10, 5, tzinfo=PARIS)
POLICY = "busy=15m 1h; no_answer=3h; congestion=2m x3; most=3; per_day=3; spacing=10m; hours_apart=0s; jitter=0.1"


class Phone:
    """A campaign that is called at moments of the test's own choosing."""

    def __init__(self, scene: Scene, people: int = 1, **values: object) -> None:
        self.scene = scene
        self.campaign: Campaign = scene.campaign(people, **({"retry": POLICY} | values))  # type: ignore[arg-type]

    def call(self, at: datetime) -> str:
        """The attempt that is dialled at that moment, "" when nobody may be called."""
        claimed = self.scene.claim(self.campaign, 1, at=at)
        return claimed[0] if claimed and self.scene.begin(claimed[0], at=at) else ""

    def end(self, attempt: str, outcome: str, at: datetime, blame: str = "person") -> None:
        record([end_result(attempt, outcome, int(at.timestamp() * 1000), blame=blame)], self.scene.store)

    def hear(self, attempt: str) -> None:
        record([listen_result(listen(attempt))], self.scene.store)

    def first_busy(self) -> str:
        attempt = self.call(MONDAY)
        self.end(attempt, "busy", MONDAY + timedelta(seconds=20))
        return attempt

    @property
    def books(self) -> Books:
        found = self.scene.store.campaigns.books(self.campaign.id)
        assert found.balance
        return found

    @property
    def target(self) -> tuple[str, str, str, datetime | None]:
        """State, outcome, rule and when it is due, of the first person."""
        [(state, outcome, rule, due_ms), *_] = self.scene.rows(
            f"SELECT state, outcome, rule, due_at_ms FROM targets WHERE campaign_id = {self.campaign.id} ORDER BY id"  # noqa: S608
        )
        return state, outcome, rule, datetime.fromtimestamp(due_ms / 1000, UTC) if due_ms else None

    @property
    def due(self) -> datetime:
        state, _, _, at = self.target
        assert state == "due"
        assert at
        return at


def test_who_was_busy_is_due_again_with_the_outcome_kept(scene: Scene) -> None:
    phone = Phone(scene, 3)
    first = phone.first_busy()
    assert timedelta(minutes=15) <= phone.due - MONDAY <= timedelta(minutes=16.5)
    assert phone.target[:2] == ("due", "busy")
    books = phone.books
    assert (books.due, books.waiting, books.next_due_ms) == (3, 1, int(phone.due.timestamp() * 1000))
    assert phone.books.outcomes == {}
    early = scene.claim(phone.campaign, 3, at=phone.due - timedelta(seconds=1))
    assert len(early) == 2, "the others, who were never called"
    again = phone.call(phone.due)
    assert again not in {"", first, *early}
    phone.end(again, "answered", MONDAY + timedelta(minutes=20))
    assert phone.target[:2] == ("done", "answered")
    assert phone.books.outcomes == {"answered": 1}


def test_a_retry_that_is_due_comes_before_those_never_called(scene: Scene) -> None:
    phone = Phone(scene, 5)
    phone.first_busy()
    attempt = phone.call(MONDAY + timedelta(hours=1))
    assert scene.rows(f"SELECT target_id FROM attempts WHERE id = '{attempt}'") == [(1,)]  # noqa: S608


def test_it_ends_when_the_policy_says_so(scene: Scene) -> None:
    phone = Phone(scene)
    phone.first_busy()
    second = phone.call(MONDAY + timedelta(minutes=30))
    phone.end(second, "busy", MONDAY + timedelta(minutes=31))
    assert phone.due >= MONDAY + timedelta(minutes=90)
    third = phone.call(MONDAY + timedelta(hours=3))
    phone.end(third, "busy", MONDAY + timedelta(hours=3, minutes=1))
    assert phone.target[:2] == ("done", "busy")
    assert phone.call(MONDAY + timedelta(days=2)) == ""
    result = scene.store.listens.snapshot(phone.campaign.id)[1][0]
    assert (result.dialled, result.attempt, result.outcome) == (3, third, "busy")


def test_the_carriers_trouble_uses_up_nothing_of_the_persons(scene: Scene) -> None:
    phone = Phone(scene, retry="busy=15m; congestion=2m x3; most=2; per_day=1; spacing=1h; jitter=0")
    first = phone.call(MONDAY)
    phone.end(first, "failed", MONDAY + timedelta(seconds=1), blame="carrier")
    assert phone.due == MONDAY + timedelta(minutes=2), "neither spacing nor day: nobody's telephone rang"
    second = phone.call(phone.due)
    phone.end(second, "busy", MONDAY + timedelta(minutes=3))
    assert phone.due == datetime(2026, 11, 24, tzinfo=PARIS), "one call a day, and one is the person's"


def test_without_a_policy_nobody_is_called_again(scene: Scene) -> None:
    phone = Phone(scene, retry="")
    phone.first_busy()
    assert phone.target[:2] == ("done", "busy")


@pytest.mark.parametrize("outcome", ["answered", "invalid_number", "unknown", "failed"])
def test_what_the_policy_does_not_name_is_over(scene: Scene, outcome: str) -> None:
    phone = Phone(scene)
    phone.end(phone.call(MONDAY), outcome, MONDAY)
    assert phone.target[:2] == ("done", outcome)


def test_recording_again_gives_the_same_moment(scene: Scene) -> None:
    phone = Phone(scene)
    attempt = phone.first_busy()
    due = phone.due
    assert due != MONDAY + timedelta(minutes=15), "the jitter adds something"
    phone.end(attempt, "busy", MONDAY + timedelta(seconds=20))
    phone.end(attempt, "no_answer", MONDAY + timedelta(hours=1))
    assert phone.due == due
    assert phone.target[1] == "busy"


def test_a_retry_waits_for_the_next_window(scene: Scene) -> None:
    phone = Phone(scene, hours="10:00-13:00,14:00-20:00 mon-fri")
    attempt = phone.call(datetime(2026, 11, 27, 19, 59, tzinfo=PARIS))
    phone.end(attempt, "busy", datetime(2026, 11, 27, 19, 59, 30, tzinfo=PARIS))
    assert phone.due == datetime(2026, 11, 30, 10, tzinfo=PARIS)
    assert phone.call(datetime(2026, 11, 30, 9, 59, tzinfo=PARIS)) == ""
    assert phone.call(datetime(2026, 11, 30, 10, 1, tzinfo=PARIS))


def test_who_asked_to_stop_while_waiting_is_done_with_the_last_outcome(scene: Scene) -> None:
    phone = Phone(scene)
    phone.first_busy()
    scene.store.suppressions.add("+33639981000", f"sponsor:{phone.campaign.sponsor_id}", "request", 5)
    assert phone.call(MONDAY + timedelta(hours=1)) == ""
    assert phone.target[:3] == ("done", "busy", "suppressed")
    assert scene.rows("SELECT rule, asked_when FROM refusals") == [("suppressed", "claiming")]
    assert phone.books.outcomes == {"busy": 1}


def test_who_asks_to_stop_between_claim_and_dialing_is_not_called_again(scene: Scene) -> None:
    phone = Phone(scene)
    phone.first_busy()
    [attempt] = scene.claim(phone.campaign, 1, at=MONDAY + timedelta(hours=1))
    scene.store.suppressions.add("+33639981000", "platform", "request", 5)
    assert scene.begin(attempt, at=MONDAY + timedelta(hours=1)) is None
    assert phone.target[:3] == ("done", "busy", "suppressed")
    assert scene.rows("SELECT rule, asked_when FROM refusals") == [("suppressed", "dialing")]


def test_a_stop_of_the_campaign_ends_the_waiting(scene: Scene) -> None:
    phone = Phone(scene, 3)
    phone.first_busy()
    ringing = phone.call(MONDAY)
    campaigns.stop(scene.store, phone.campaign.name)
    assert phone.target[:2] == ("done", "busy")
    phone.end(ringing, "busy", MONDAY)
    assert phone.books.outcomes == {"busy": 2}
    assert (phone.books.due, phone.books.waiting) == (1, 0), "who was never called stays so"


def test_who_is_busy_while_the_campaign_pauses_is_called_again_after_it(scene: Scene) -> None:
    phone = Phone(scene)
    attempt = phone.call(MONDAY)
    campaigns.pause(scene.store, phone.campaign.name)
    phone.end(attempt, "busy", MONDAY)
    assert phone.call(MONDAY + timedelta(hours=1)) == ""
    scene.store.campaigns.move(phone.campaign, CampaignState.RUNNING, 9)
    assert phone.call(MONDAY + timedelta(hours=1))


def test_a_claim_given_back_is_due_as_it_was(scene: Scene) -> None:
    phone = Phone(scene)
    phone.first_busy()
    due = phone.due
    [attempt] = scene.claim(phone.campaign, 1, at=due)
    assert scene.store.attempts.release([attempt]) == 1
    assert (phone.target[:2], phone.due) == (("due", "busy"), due)
    [attempt] = scene.claim(phone.campaign, 1, at=due)
    assert scene.begin(attempt, at=due)
    scene.store.attempts.take_back_many([attempt])
    assert (phone.target[:2], phone.due, phone.books.waiting) == (("due", "busy"), due, 1)
    assert phone.call(due), "what was taken back was not sent, and counts for nothing"


def test_a_row_that_says_due_is_no_yes(scene: Scene) -> None:
    phone = Phone(scene, 2)
    phone.first_busy()
    with scene.store.database.write() as connection:  # a bug, or an hour that came twice on a clock that was put back
        connection.execute(schema.targets.update().where(schema.targets.c.id == 1).values(due_at_ms=1))
    at = MONDAY + timedelta(minutes=5)
    [attempt] = scene.claim(phone.campaign, 2, at=at)
    assert scene.rows(f"SELECT target_id FROM attempts WHERE id = '{attempt}'") == [(2,)]  # noqa: S608
    assert phone.due == MONDAY + timedelta(minutes=15), "looked at again when the policy allows it"
    assert scene.rows("SELECT * FROM refusals") == []


def test_spacing_is_asked_again_right_before_dialing(scene: Scene) -> None:
    phone = Phone(scene)
    phone.first_busy()
    [attempt] = scene.claim(phone.campaign, 1, at=phone.due)
    assert scene.begin(attempt, at=MONDAY + timedelta(minutes=9)) is None
    assert phone.target[:2] == ("due", "busy")


def test_a_listen_that_comes_late_takes_the_retry_back(scene: Scene) -> None:
    phone = Phone(scene)
    attempt = phone.first_busy()
    phone.hear(attempt)
    assert phone.target == ("done", "answered", "", None)
    assert phone.call(MONDAY + timedelta(hours=1)) == ""
    assert phone.books.outcomes == {"answered": 1}


def test_a_listen_that_comes_late_takes_back_what_was_claimed(scene: Scene) -> None:
    phone = Phone(scene)
    first = phone.first_busy()
    at = phone.due
    [claimed] = scene.claim(phone.campaign, 1, at=at)
    phone.hear(first)
    assert phone.target[:2] == ("done", "answered")
    assert scene.states()[claimed] == "released"
    assert scene.begin(claimed, at=at) is None


def test_a_listen_that_comes_when_the_retry_was_sent_is_the_persons_outcome(scene: Scene) -> None:
    phone = Phone(scene)
    first = phone.first_busy()
    second = phone.call(MONDAY + timedelta(hours=1))
    phone.hear(first)
    assert phone.books.in_progress == 1, "the second call is on its way: nothing can take it back"
    phone.end(second, "busy", MONDAY + timedelta(hours=1, minutes=1))
    assert phone.target[:2] == ("done", "answered")
    result = scene.store.listens.snapshot(phone.campaign.id)[1][0]
    assert (result.attempt, result.dialled, result.outcome) == (first, 2, "answered")
    assert result.listen


def test_a_retry_that_was_taken_back_after_a_late_listen_is_over(scene: Scene) -> None:
    phone = Phone(scene)
    first = phone.first_busy()
    second = phone.call(MONDAY + timedelta(hours=1))
    phone.hear(first)
    scene.store.attempts.take_back_many([second])
    assert phone.target[:2] == ("done", "answered")


def test_a_second_end_that_says_answered_takes_the_retry_back(scene: Scene) -> None:
    phone = Phone(scene)
    attempt = phone.first_busy()
    phone.end(attempt, "answered", MONDAY + timedelta(minutes=1))
    assert phone.target[:2] == ("done", "answered")
    assert scene.store.listens.without_listen() == [attempt]


def test_what_nobody_knew_is_known_once_somebody_does(scene: Scene) -> None:
    phone = Phone(scene, retry="unknown=1h; busy=1h x3")
    attempt = phone.call(MONDAY)
    phone.end(attempt, "unknown", MONDAY + timedelta(minutes=1), blame="nobody")
    assert phone.target[:2] == ("due", "unknown")
    phone.end(attempt, "invalid_number", MONDAY + timedelta(minutes=2))
    assert phone.target[:2] == ("due", "invalid_number")
    assert phone.call(MONDAY + timedelta(hours=2)) == ""
    assert phone.target[:3] == ("done", "invalid_number", "already-reached")


def test_what_was_answered_stays_so_when_nobody_knows_its_end(scene: Scene) -> None:
    phone = Phone(scene, retry="unknown=1h")
    attempt = phone.call(MONDAY)
    scene.store.attempts.answer_many({attempt: 30})
    phone.end(attempt, "unknown", MONDAY, blame="nobody")
    assert phone.target[:2] == ("done", "answered")
    assert scene.store.listens.without_listen() == [attempt]


def test_a_lost_pbx_leaves_people_to_the_policy(scene: Scene) -> None:
    careful, bold = Phone(scene, retry=POLICY), Phone(scene, retry="unknown=1h")
    assert careful.call(MONDAY)
    assert bold.call(MONDAY)
    after_ms = int(MONDAY.timestamp() * 1000) + 1
    assert scene.store.attempts.close_lost("pbx1", after_ms, after_ms + 1000) == 2
    assert careful.target[:2] == ("done", "unknown"), "it may have rung"
    assert bold.target[:2] == ("due", "unknown")


def test_no_retry_is_due_after_the_expiry(scene: Scene) -> None:
    phone = Phone(scene, expires_at_ms=int((MONDAY + timedelta(minutes=15)).timestamp() * 1000))
    phone.first_busy()
    assert phone.target[:2] == ("done", "busy")


def test_a_campaign_that_has_expired_lets_nothing_out_and_is_closed_in_order(scene: Scene) -> None:
    expires = MONDAY + timedelta(minutes=40)
    phone = Phone(scene, 6, expires_at_ms=int(expires.timestamp() * 1000))
    phone.first_busy()
    assert phone.due < expires
    ringing, (claimed, _) = phone.call(MONDAY), scene.claim(phone.campaign, 2, at=MONDAY)
    assert scene.begin(claimed, at=expires) is None
    assert phone.books.not_allowed == {"campaign-expired": 1}
    at_ms = int(expires.timestamp() * 1000)
    finishing.finish_done(scene.store, at_ms - 1)
    assert phone.books.due == 3
    finishing.finish_done(scene.store, at_ms)
    assert phone.target[:3] == ("done", "busy", "campaign-expired")
    assert (phone.books.due, phone.books.in_progress) == (0, 2)
    scene.store.attempts.release_claimed(None, at_ms)
    finishing.finish_done(scene.store, at_ms + 1)
    phone.end(ringing, "busy", expires)
    finishing.finish_done(scene.store, at_ms + 2)
    assert phone.books.outcomes == {"busy": 2}
    assert phone.books.not_allowed == {"campaign-expired": 4}
    assert scene.store.campaigns.named(phone.campaign.name).state is CampaignState.FINISHED
    assert scene.rows("SELECT DISTINCT rule FROM refusals") == [("campaign-expired",)]
    assert scene.rows("SELECT count(*) FROM refusals") == [(5,)]


def test_a_large_campaign_expires_in_bounded_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "CLOSED_AT_ONCE", 10)
    phone = Phone(scene, 120, expires_at_ms=100)
    left = []
    while phone.books.due:
        finishing.finish_done(scene.store, 200)
        left.append(phone.books.due)
    assert left == [70, 20, 0]


def test_people_who_must_wait_elsewhere_do_not_stand_before_others(scene: Scene) -> None:
    """La Réunion and Mayotte are hours ahead of Paris; in a list sorted by number their people come first."""
    phone = Phone(scene, 0)
    with scene.store.database.write() as connection:
        numbers = [f"+2626920{n:05d}" for n in range(300)] + [f"+3363998{n:04d}" for n in range(40)]
        rows = [
            {"id": 1000 + at, "number": number, "line_type": "mobile", "imported_at_ms": 1}
            for at, number in enumerate(numbers)
        ]
        connection.execute(schema.contacts.insert(), rows)
        targets = [{"campaign_id": phone.campaign.id, "contact_id": row["id"], "state": "due"} for row in rows]
        connection.execute(schema.targets.insert(), targets)
        hours = "10:00-13:00,14:00-20:00 mon-fri"
        connection.execute(schema.campaigns.update().values(hours=hours))
    evening = datetime(2026, 11, 23, 19, 0, tzinfo=PARIS)
    assert len(scene.claim(phone.campaign, 25, at=evening)) == 25
    assert phone.books.due == 315
    assert scene.claim(phone.campaign, 25, at=datetime(2026, 11, 24, 7, 59, tzinfo=PARIS)) == []
    morning = scene.claim(phone.campaign, 300, at=datetime(2026, 11, 24, 8, 1, tzinfo=PARIS))
    assert len(morning) == 300
    assert scene.rows("SELECT * FROM refusals") == []


def test_recording_and_claiming_at_once_lose_nobody_and_call_nobody_twice(
    scene: Scene, make_scene: Callable[..., Scene]
) -> None:
    """Late listens of calls recorded as busy, while their retries are claimed and begun."""
    people = 40
    phone = Phone(scene, people, retry="busy=1s x9; most=9; spacing=1s; per_day=20; jitter=0")
    attempts = scene.claim(phone.campaign, people, at=MONDAY)
    scene.store.attempts.begin_dialing_many(attempts, scene.ask(MONDAY), int(MONDAY.timestamp() * 1000))
    for attempt in attempts:
        phone.end(attempt, "busy", MONDAY)
    later, other = MONDAY + timedelta(minutes=1), make_scene()
    begun: list[str] = []

    def call() -> None:
        while claimed := other.claim(phone.campaign, 3, at=later):
            begun.extend(attempt for attempt in claimed if other.begin(attempt, at=later))

    calling = threading.Thread(target=call)
    calling.start()
    for attempt in attempts:
        phone.hear(attempt)
    calling.join()
    for attempt in begun:
        phone.end(attempt, "busy", later)
    assert phone.books.outcomes == {"answered": people}
    sent = scene.rows("SELECT target_id, count(*) FROM attempts WHERE state = 'ended' GROUP BY target_id")
    assert max(count for _, count in sent) <= 2
