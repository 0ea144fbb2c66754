"""The link to Asterisk's manager is cut at the worst moment, or goes silent: nothing is ever sent twice."""

from __future__ import annotations

import time

import pytest

from tests.matrix.conftest import Matrix
from tests.stack import wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]


def test_ami_link_cut_between_send_and_reply(matrix: Matrix) -> None:
    link = matrix.up.ami
    with matrix.scene("AMI: cut between Originate and its reply") as scene:
        cuts = link.cuts
        with scene.frozen():
            link.cut_at_next_reply()
        wait_for(lambda: link.cuts > cuts, "the cut", 5)
        scene.wait_back(time.monotonic())
        matrix.close(scene)


def test_ami_peer_goes_silent(matrix: Matrix) -> None:
    matrix.strike("AMI: peer silent", lambda up: up.ami.fall_silent())
