"""Pages with somebody to use them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.adapters import pico
from ivr.adapters.queues import Queues
from ivr.doors.web import application
from ivr.rules.roles import Role
from ivr.usecases import sponsors
from tests.integration.conftest import RedisServer
from tests.integration.scene import Scene
from tests.integration.web.world import JEANNE, ORIGIN, PAUL, TEXT, Web


@pytest.fixture
def web(make_scene: Callable[..., Scene]) -> Web:
    """While Redis does not answer."""
    return _of(make_scene())


@pytest.fixture
def web_up(make_scene: Callable[..., Scene], shared_redis: RedisServer, queues: Queues) -> Web:
    """With a Redis, in which a controller says that it lives."""
    web = _of(make_scene(shared_redis.url))
    live = {"live": 0, "waiting": 0, "link": True, "worst_second": {}}
    queues.publish_live(web.scene.settings.pbx.name, live, ttl_s=600)
    return web


def _of(scene: Scene) -> Web:
    for name in (JEANNE, PAUL):
        sponsors.add(scene.store, name, {})
    made = Web(scene, application(scene.store, scene.settings, ORIGIN, held_s=0))
    made.user("jeanne", Role.CANDIDATE, JEANNE)
    made.user("paul", Role.CANDIDATE, PAUL)
    return made


@pytest.fixture
def recording() -> bytes:
    return pico.speak(TEXT, "fr-FR")
