"""Capacity: what so many calls in so much time need, and when they would be done. Pure arithmetic, in seconds.

Model of one attempt. It rings for `ring_s`. A share `answer_rate` is answered. Of these a share `listen_rate` hears all
of pre-roll, message, notice and the time left for a key; the others leave when the pre-roll is over. The mean listened
share of the message is then `listen_rate`, and a call's mean length

    talk  = preroll + listen_rate × (message + notice + grace)
    hold  = ring + answer_rate × talk                        a channel's mean time for one attempt

What the window asks for. The last call must begin early enough to end within it:

    tail  = ring + preroll + message + notice + grace
    rate  = attempts / (window − tail)                       calls per second (attempts = contacts × tries)
    load  = rate × hold                                      Erlang (Little's law)
    channels = the least N with B(N, load) ≤ blocking        Erlang's B formula

B is computed by its recursion 1/B(0) = 1, 1/B(n) = 1 + (n / load) / B(n−1). It supposes that starts are random
and that a start without a channel is lost. Ours are even and wait for a channel, so the true need is a little lower.

What the limits give. Starts wait while every channel is busy, so that in the end

    rate' = min(rate, trunk rate, channels / hold, nodes × a node's rate)
    done  = attempts / rate' + tail

A node's rate is the smaller of the greatest call rate measured on it and what its cores allow,
cores × USABLE / (set-up CPU + talk × CPU per second of talk). It has no more channels than were measured clean.

Cost: each answered call is billed in steps of `increment_s`, so the two kinds of call are rounded up apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ivr.errors import Refused

USABLE = 0.7
"""The share of a node's CPU that is planned for: beyond it, packets begin to wait."""
MOST_ERLANGS = 5_000_000.0


@dataclass(frozen=True, slots=True)
class Node:
    """What one PBX with all our processes beside it was measured to do. source: where the figures come from."""

    source: str
    cores: float
    rate_cps: float
    channels: int
    setup_cpu_ms: float
    talk_cpu_ms_per_s: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to be done. Rates are shares from 0 to 1."""

    contacts: int
    window_s: float
    message_s: float
    preroll_s: float = 8.0
    notice_s: float = 15.0
    grace_s: float = 3.0
    ring_s: float = 15.0
    answer_rate: float = 0.4
    listen_rate: float = 0.8
    tries: float = 1.0

    @property
    def full_s(self) -> float:
        """A call heard to its end."""
        return self.preroll_s + self.message_s + self.notice_s + self.grace_s

    @property
    def talk_s(self) -> float:
        """Mean length of an answered call."""
        return self.preroll_s + self.listen_rate * (self.full_s - self.preroll_s)

    @property
    def hold_s(self) -> float:
        """Mean time for which one attempt takes a channel."""
        return self.ring_s + self.answer_rate * self.talk_s

    @property
    def tail_s(self) -> float:
        """How long after the last start the last call may end."""
        return self.ring_s + self.full_s

    @property
    def attempts(self) -> float:
        """Calls to be started."""
        return self.contacts * self.tries


@dataclass(frozen=True, slots=True)
class Limits:
    """What there is; None: as much as is needed. blocking: share of starts that may find every channel busy."""

    trunk_rate_cps: float | None = None
    channels: int | None = None
    nodes: int | None = None
    blocking: float = 0.01


@dataclass(frozen=True, slots=True)
class Tariff:
    """What the carrier bills: a price per minute of answered calls, in steps of so many seconds."""

    per_minute: float = 0.0
    increment_s: float = 1.0

    def billed_s(self, talk_s: float) -> float:
        """Billed seconds of one call of that length."""
        return math.ceil(round(talk_s / self.increment_s, 9)) * self.increment_s


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: needed_… to be done within the window, then what the limits give. In calls/s, Erlang, seconds."""

    needed_rate_cps: float
    offered_erlangs: float
    needed_channels: int
    needed_nodes: int
    node_rate_cps: float
    rate_cps: float
    live_calls: float
    duration_s: float
    fits: bool
    held_back_by: str
    talk_s: float
    hold_s: float
    answered: float
    billed_minutes: float
    cost: float


def plan(work: Workload, limits: Limits, node: Node, tariff: Tariff) -> Plan:
    """The plan for this work. Raises Refused when a figure has no meaning, or the window is shorter than one call."""
    _check(work, limits, tariff)
    needed_cps = work.attempts / (work.window_s - work.tail_s)
    offered = needed_cps * work.hold_s
    channels = channels_for(offered, limits.blocking)
    per_node_cps = node_rate_cps(node, work)
    nodes = max(1, math.ceil(needed_cps / per_node_cps), math.ceil(channels / node.channels))
    rate_cps, why = _reached(needed_cps, work, limits, node, limits.nodes or nodes)
    duration_s = work.attempts / rate_cps + work.tail_s
    answered = work.attempts * work.answer_rate
    minutes = answered * _billed_s(work, tariff) / 60
    return Plan(
        needed_rate_cps=needed_cps,
        offered_erlangs=offered,
        needed_channels=channels,
        needed_nodes=nodes,
        node_rate_cps=per_node_cps,
        rate_cps=rate_cps,
        live_calls=rate_cps * work.hold_s,
        duration_s=duration_s,
        fits=not why,
        held_back_by=why,
        talk_s=work.talk_s,
        hold_s=work.hold_s,
        answered=answered,
        billed_minutes=minutes,
        cost=minutes * tariff.per_minute,
    )


def node_rate_cps(node: Node, work: Workload) -> float:
    """Calls per second that one node starts and carries: its measured rate, or what its cores allow."""
    cpu_s = (node.setup_cpu_ms + work.answer_rate * work.talk_s * node.talk_cpu_ms_per_s) / 1000
    return min(node.rate_cps, USABLE * node.cores / cpu_s) if cpu_s > 0 else node.rate_cps


def erlang_b(channels: int, erlangs: float) -> float:
    """The share of random starts that find all `channels` busy when `erlangs` are offered (Erlang's B formula)."""
    if erlangs <= 0:
        return 0.0
    inverse = 1.0
    for n in range(1, channels + 1):
        inverse = 1.0 + inverse * n / erlangs
        if inverse > 1e300:  # so rare that it cannot be told from never
            return 0.0
    return 1.0 / inverse


def channels_for(erlangs: float, blocking: float) -> int:
    """The least number of channels with which at most that share of starts is blocked."""
    inverse, channels = 1.0, 0
    while inverse * blocking < 1.0:
        channels += 1
        inverse = 1.0 + inverse * channels / erlangs
    return max(1, channels)


def _reached(needed_cps: float, work: Workload, limits: Limits, node: Node, nodes: int) -> tuple[float, str]:
    """The rate that is reached, and what holds it below the needed one ("" if nothing does)."""
    most = {"nodes": min(nodes * node_rate_cps(node, work), nodes * node.channels / work.hold_s)}
    if limits.trunk_rate_cps is not None:
        most["trunk rate"] = limits.trunk_rate_cps
    if limits.channels is not None:
        most["channels"] = limits.channels / work.hold_s
    tightest = min(most, key=lambda name: most[name])
    if most[tightest] < needed_cps * (1 - 1e-9):
        return most[tightest], tightest
    return needed_cps, ""


def _billed_s(work: Workload, tariff: Tariff) -> float:
    early = tariff.billed_s(work.preroll_s)
    return work.listen_rate * tariff.billed_s(work.full_s) + (1 - work.listen_rate) * early


def _check(work: Workload, limits: Limits, tariff: Tariff) -> None:
    given = {"trunk rate": limits.trunk_rate_cps, "channels": limits.channels, "nodes": limits.nodes}
    positive = {"contacts": work.contacts, "message": work.message_s, "tries": work.tries}
    positive |= {"billing increment": tariff.increment_s}
    positive |= {name: limit for name, limit in given.items() if limit is not None}
    _each(positive, lambda value: 0 < value < math.inf, "a number above 0")
    times = {"pre-roll": work.preroll_s, "notice": work.notice_s, "grace": work.grace_s, "ring": work.ring_s}
    _each(times | {"price": tariff.per_minute}, lambda value: 0 <= value < math.inf, "a number of 0 or more")
    shares = {"answer rate": work.answer_rate, "listen rate": work.listen_rate}
    _each(shares, lambda value: 0 <= value <= 1, "a share from 0 to 1")
    _each({"blocking": limits.blocking}, lambda value: 0 < value < 1, "a share between 0 and 1")
    if not work.tail_s < work.window_s < math.inf:
        raise Refused(f"a window of {work.window_s:g} s is shorter than one call ({work.tail_s:g} s): give more time")
    if work.attempts / (work.window_s - work.tail_s) * work.hold_s > MOST_ERLANGS:
        raise Refused(f"that is more than {MOST_ERLANGS:,.0f} calls at once: give more time or fewer contacts")


def _each(values: Mapping[str, float], good: Callable[[float], bool], wanted: str) -> None:
    for name, value in values.items():
        if not good(value):
            raise Refused(f"{name}: {value:g} cannot be planned with; give {wanted}")
