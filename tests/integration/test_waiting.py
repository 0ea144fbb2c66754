"""A campaign that calls nobody says what it waits for."""

import contextlib
from collections.abc import Callable

from ivr.adapters.queues import Queues
from ivr.adapters.store import schema
from ivr.doors.cli.progress import Meter
from ivr.rules.records import Way
from ivr.rules.segments import KeyPress, Segment
from ivr.usecases.originating import originate
from tests.integration.conftest import RedisServer
from tests.integration.scene import Scene, listen
from tests.integration.test_store_attempts import other_hours

MakeScene = Callable[..., Scene]


def test_a_held_campaign_says_rule_and_moment_and_loses_nobody(
    make_scene: MakeScene, shared_redis: RedisServer, queues: Queues
) -> None:
    scene = make_scene(shared_redis.url)
    campaign = scene.campaign(3)
    with scene.store.database.write() as connection:
        connection.execute(schema.campaigns.update().values(hours=other_hours()))
    assert originate(scene.store, queues, scene.settings, campaign.id, Way("pbx1", "lab"), 3) == 0
    with contextlib.closing(Meter(scene.store, scene.settings, campaign)) as meter:
        line = meter.line().plain
    assert "waits: calling-hours until " in line
    assert "(Europe/Paris)" in line


def test_a_missing_notice_holds_everybody_and_refuses_nobody(
    make_scene: MakeScene, shared_redis: RedisServer, queues: Queues
) -> None:
    scene = make_scene(shared_redis.url)
    campaign = scene.campaign(3)
    (scene.settings.sounds_dir / f"{campaign.notice.sound}.alaw").unlink()
    assert originate(scene.store, queues, scene.settings, campaign.id, Way("pbx1", "lab"), 3) == 0
    books = scene.store.campaigns.books(campaign.id)
    assert (books.due, books.not_allowed) == (3, {})
    assert queues.hold(campaign.id) == ("notice-present", "")
    with contextlib.closing(Meter(scene.store, scene.settings, campaign)) as meter:
        assert "waits: notice-present (somebody must mend it)" in meter.line().plain


def test_more_requests_to_stop_than_the_alarm_line_are_said(
    make_scene: MakeScene, shared_redis: RedisServer, queues: Queues
) -> None:
    scene = make_scene(shared_redis.url)
    campaign = scene.campaign(40)
    attempts = scene.dialing(campaign, 40)
    scene.store.attempts.answer_many(dict.fromkeys(attempts, 1_000))
    nine = KeyPress("9", Segment.MESSAGE, 900, 900)
    ends = [{"attempt": attempt, "outcome": "answered", "at_ms": 9_000} for attempt in attempts]
    stopped = [listen(one, keys=(nine,), stop_at_ms=900) for one in attempts[:4]]
    scene.store.listens.record(stopped + [listen(one) for one in attempts[4:20]], ends[:20])
    with contextlib.closing(Meter(scene.store, scene.settings, campaign)) as meter:
        assert "200.0 opt-outs per 1,000 (4 of 20) ⚠ ABOVE THE ALARM LINE of 50" in meter.line().plain
        scene.store.listens.record([listen(one) for one in attempts[20:]], ends[20:])
        line = meter.line().plain
    assert "100.0 opt-outs per 1,000 (4 of 40)" in line
    assert "ALARM" not in line
