"""Workers and Redis die: that costs delay, and nothing else."""

from __future__ import annotations

import pytest
import redis

from ivr.usecases import health
from tests.crowd import crowd
from tests.faults.promises import kept
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(90)]


def test_both_workers_are_killed(stack: Stack) -> None:
    campaign = stack.start("workers-killed", crowd(stack.new_numbers(40)))
    for count in (4, 14, 24):
        stack.wait_called(count)
        stack.kill("originate-0")
        stack.kill("record-0")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.ok, verdict.check


def test_redis_is_killed(stack: Stack) -> None:
    campaign = stack.start("redis-killed", crowd(stack.new_numbers(40)))
    stack.wait_talking(10)
    stack.kill("redis")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.ok, verdict.check


def test_redis_forgets_everything(stack: Stack) -> None:
    campaign = stack.start("redis-flushed", crowd(stack.new_numbers(40)))
    client = redis.Redis.from_url(stack.settings.redis_url)
    for count in (6, 22):
        stack.wait_called(count)
        client.flushall()
    wait_for(lambda: len(stack.line.called) == 40 and not stack.line.talking, "the last call")
    client.flushall()
    client.close()
    wait_for(lambda: all(part.works for part in health.status(stack.settings)), "every part", 15)
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.ok, verdict.check
