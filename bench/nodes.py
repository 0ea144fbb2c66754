"""The rate on one, two and three Asterisks when a trunk's rate is the limit: `python bench/nodes.py [SECONDS]`.

Three nodes on one machine share one database, one Redis and one far end. Each with a trunk of its own: the rates add
up. All on one trunk: they share its rate, and at the far end no rolling second has more calls than that.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

from bare import TRUNK
from results import Figures, show
from stand import ONE_SECOND_MS, Stand, stand, wait_for

from ivr.settings import Settings, load
from ivr.usecases import health, running

NODES = 3
OWN_CPS, SHARED_CPS = 10, 20
CHANNELS = 100
WARM_UP_S = 4.0
"""A part of a rate that another node has given up holds within three seconds."""
RTP_FIRST, RTP_PORTS = 20000, 2000
OWN = """\
[trunks.own{number}]
host = "127.0.0.1:{far_end}"
rate_cps = {rate_cps}
channels = {channels}
ramp_s = 0
"""
NODE = """\
var = "."
shared = "{shared}"
workers_originate = 0
workers_record = 0
[pbx]
name = "node{number}"
sip_port = 0
ami_port = 0
agi_port = 0
rtp_first = {rtp_first}
rtp_last = {rtp_last}
channels = {channels}
[calls]
ring_timeout_s = 10
grace_s = 0
[database]
url = "sqlite:///{shared}/portevoix.db"
[redis]
url = "{redis}"
[trunks.lab]
host = "127.0.0.1:{far_end}"
rate_cps = {shared_cps}
channels = {channels}
ramp_s = 0
"""


def measure(seconds: float = 10.0) -> Figures:
    owns = "".join(_own(number, "{far_end}") for number in range(1, NODES + 1))
    with contextlib.ExitStack() as stack:
        # The first installation has the workers, and knows every trunk as they must; its own Asterisk calls nobody.
        one = stack.enter_context(stand(ONE_SECOND_MS, CHANNELS, rate_cps=SHARED_CPS, more=owns))
        health.supervisor(one.settings).stop_process("controller")
        nodes = [stack.enter_context(_node(one, number)) for number in range(1, NODES + 1)]
        rates = [_rate(one, seconds, [f"own{number}" for number in range(1, most + 2)])[0] for most in range(NODES)]
        for settings in nodes[1:]:
            health.supervisor(settings).stop_process("controller")
        shared = [_rate(one, seconds, [TRUNK])]
        for settings in nodes[1:]:
            health.supervisor(settings)._call("supervisor.startProcess", "controller")
            wait_for(functools.partial(_works, settings), "a node", 40)
            shared.append(_rate(one, seconds, [TRUNK]))
    return _figures(rates, shared)


def _works(settings: Settings) -> bool:
    return all(part.works for part in health.status(settings))


def _rate(one: Stand, seconds: float, trunks: list[str]) -> tuple[float, int]:
    """Calls per second at the far end, and the most in any rolling second."""
    with one.ours(people=int(SHARED_CPS * 2 * (seconds + WARM_UP_S)), trunks=trunks):
        one.watch(WARM_UP_S)
        one.far_end.invited_s.clear()
        window = one.watch(seconds)
        invited_s = sorted(one.far_end.invited_s)
    return window.rate_cps, worst_second(invited_s)


def worst_second(at_s: list[float]) -> int:
    """The most of these instants, in order, within any second."""
    first = worst = 0
    for index, instant_s in enumerate(at_s):
        while instant_s - at_s[first] >= 1.0:
            first += 1
        worst = max(worst, index - first + 1)
    return worst


def _figures(own: list[float], shared: list[tuple[float, int]]) -> Figures:
    figures = Figures()
    figures.ratio("nodes_two_over_one", own[1] / own[0], at_least=2 * 0.95)
    figures.ratio("nodes_three_over_one", own[2] / own[0], at_least=3 * 0.95)
    figures.ratio("nodes_shared_trunk_three_over_one", shared[2][0] / shared[0][0], at_least=0.95)
    worst = max(most for _, most in shared)
    figures.ratio("nodes_worst_second_over_rate", worst / SHARED_CPS, at_most=1.0)
    figures.add("nodes_rate_cps", OWN_CPS, "calls/s, rate of each node's own trunk")
    figures.add("nodes_shared_rate_cps", SHARED_CPS, "calls/s, rate of the trunk that all share")
    for nodes, ((shared_cps, most), own_cps) in enumerate(zip(shared, own, strict=True), start=1):
        figures.add(f"nodes_{nodes}_cps", own_cps, "calls/s, a trunk each")
        figures.add(f"nodes_shared_{nodes}_cps", shared_cps, "calls/s, one trunk")
        figures.add(f"nodes_shared_{nodes}_worst_second", most, "calls in any rolling second at the far end")
    return figures


def _own(number: int, far_end: str) -> str:
    return OWN.format(number=number, far_end=far_end, rate_cps=OWN_CPS, channels=CHANNELS)


@contextlib.contextmanager
def _node(first: Stand, number: int) -> Iterator[Settings]:
    """One more Asterisk with its controller and AGI server, on the books of the first."""
    folder = Path(first.settings.home) / f"node{number}"
    folder.mkdir()
    rtp = RTP_FIRST + number * RTP_PORTS
    values: dict[str, object] = {
        "far_end": first.far_end.sip_port,
        "channels": CHANNELS,
        "shared_cps": SHARED_CPS,
        "number": number,
    }
    values |= {"shared": first.settings.var_dir, "redis": first.settings.redis_url}
    values |= {"rtp_first": rtp, "rtp_last": rtp + RTP_PORTS - 1}
    text = NODE.format(**values) + _own(number, str(first.far_end.sip_port))
    (folder / "portevoix.toml").write_text(text, encoding="utf-8")
    settings = load(folder / "portevoix.toml")
    running.up(settings, lambda _: None)
    try:
        yield Settings.model_validate_json(settings.resolved_file.read_text(encoding="utf-8"))
    finally:
        running.down_if_up(settings)


if __name__ == "__main__":
    show(measure(*(float(given) for given in sys.argv[1:2])))
