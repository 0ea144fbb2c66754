"""One installation for all faults: each campaign has people of its own, and what is killed is started again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, health
from tests.stack import Stack, running_stack, wait_for


@pytest.fixture(scope="session")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("faults")) as up:
        yield up


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """Everything is up, and no campaign runs: not before, not after."""
    if not health.supervisor(_stack.settings).is_up():
        _stack.restart()
    wait_for(lambda: all(part.works for part in health.status(_stack.settings)), "every part")
    yield _stack
    for campaign in _stack.store.campaigns.all():
        if campaign.state in {CampaignState.RUNNING, CampaignState.PAUSED}:
            campaigns.stop(_stack.store, campaign.name)
