"""Carriers with odd habits: whatever they answer, a person is called once, with one outcome and at most one listen."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from ivr.rules.segments import CallResult, EndedBy, Segment
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, health
from tests.asterisk.odd_carrier import Habit, OddCall, OddCarrier
from tests.stack import Stack, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

PREROLL_MS, MESSAGE_MS, NOTICE_MS = 900, 2400, 1400
WHOLE_S = 6.5
RING_TIMEOUT_S = 4
ODD = """
[trunks.odd]
host = "127.0.0.1:{port}"
rate_cps = 20
ramp_s = 0
channels = 100
caller_id = "+33199000000"
"""


@dataclass(frozen=True)
class Case:
    """A habit and what the books must say of it. heard: the bounds of what was heard of all segments, milliseconds."""

    name: str
    habit: Habit
    outcomes: frozenset[str]
    heard_ms: tuple[int, int] | None = None
    ended_by: EndedBy | None = None


def refuses(status: str, *headers: str, ring_s: float = 0.1) -> Habit:
    def habit(call: OddCall) -> None:
        call.reply("100 Trying")
        time.sleep(ring_s)
        call.reply(status, None, *headers)
        call.wait("ACK", 2)

    return habit


def answers(then: Callable[[OddCall], None] = lambda call: None, **sdp: str) -> Habit:
    """Rings, answers properly, then does as told; a call that is left alone is ended by us."""

    def habit(call: OddCall) -> None:
        call.reply("100 Trying")
        call.reply("180 Ringing")
        call.reply("200 OK", sdp)
        if call.wait("ACK", 5):
            then(call)

    return habit


def leaves(after_s: float, *headers: str) -> Callable[[OddCall], None]:
    def then(call: OddCall) -> None:
        time.sleep(after_s)
        call.tell("BYE", None, *headers)

    return then


def early_media_then(status: str) -> Habit:
    def habit(call: OddCall) -> None:
        call.reply("183 Session Progress", {})
        time.sleep(1)
        call.reply(status, {} if status.startswith("200") else None)

    return habit


def bye_before_ack(call: OddCall) -> None:
    call.reply("200 OK", {})
    for _ in range(10):  # Asterisk may not have taken the call yet: a carrier says it again until it is heard
        call.tell("BYE")
        if call.wait("200", 0.3):
            return


def two_hundred_again_and_again(call: OddCall) -> None:
    for _ in range(6):
        call.reply("200 OK", {})
        time.sleep(0.15)


def answers_the_cancel(call: OddCall) -> None:
    call.reply("180 Ringing")
    if call.wait("CANCEL", RING_TIMEOUT_S + 3):
        call.reply("200 OK", {})  # the person took the telephone in that very moment


def answers_at_the_time_out(call: OddCall) -> None:
    call.reply("180 Ringing")
    time.sleep(RING_TIMEOUT_S - 0.01)
    call.reply("200 OK", {})


def says_nothing(call: OddCall) -> None:
    return


def only_trying(call: OddCall) -> None:
    call.reply("100 Trying")


def goes_on(sdp: dict[str, str] | None) -> Habit:
    return lambda call: call.reply("183 Session Progress", sdp)


def many_provisional(call: OddCall) -> None:
    for status in ("100 Trying", "181 Call Is Being Forwarded", "182 Queued", "199 Early Dialog Terminated", "183 Hm"):
        call.reply(status)
    call.reply("180 Ringing")
    call.reply("486 Busy Here")


def garbage_first(call: OddCall) -> None:
    for text in ("", "\r\n\r\n", "SIP/2.0\r\n\r\n", "SIP/2.0 999 What\r\nVia: x\r\n\r\n", "\x00\xff" * 200):
        call.carrier.send(text)
    call.reply("100 Trying")
    call.reply("486 Busy Here")


def holds_and_goes_on(call: OddCall) -> None:
    time.sleep(0.5)
    call.tell("INVITE", {"rest": "a=rtpmap:8 PCMA/8000\r\na=sendonly\r\n", "formats": "8"})
    call.wait("200", 3)
    call.tell("ACK")
    time.sleep(0.3)
    call.tell("INVITE", {"rest": "a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n", "formats": "8"})


def chatters(call: OddCall) -> None:
    for method in ("OPTIONS", "UPDATE", "MESSAGE", "INFO", "NOTIFY", "PUBLISH"):
        call.tell(method)
        time.sleep(0.05)


def sends_elsewhere(call: OddCall) -> None:
    """Toll fraud: our call is to be transferred to a number of the carrier's choice."""
    call.tell("REFER", None, "Refer-To: <sip:+8810000000@127.0.0.1>", "Referred-By: <sip:odd@127.0.0.1>")


def moves_us_on(call: OddCall) -> None:
    """The same before anybody answers: our call is to go to another number, which the carrier would take."""
    elsewhere = f"Contact: <sip:+8810000001@127.0.0.1:{call.carrier.port}>"
    refuses("302 Moved Temporarily", elsewhere)(call)


def deaf(habit: Habit) -> Habit:
    """The carrier answers none of our requests within the call, so that our BYE is sent for half a minute."""
    habit.deaf = True  # type: ignore[attr-defined]
    return habit


def failed(*more: str) -> frozenset[str]:
    return frozenset({"failed", *more})


CONGESTION, BUSY = frozenset({"congestion"}), frozenset({"busy"})
NO_ANSWER, INVALID, ANSWERED = frozenset({"no_answer"}), frozenset({"invalid_number"}), frozenset({"answered"})
A_SECOND_MS = (200, 3000)  # as a busy machine counts
WHOLE_MS = (PREROLL_MS + MESSAGE_MS + NOTICE_MS - 60, PREROLL_MS + MESSAGE_MS + NOTICE_MS)

CASES = [
    *(Case(f"refuses with {code}", refuses(f"{code} Told"), failed()) for code in (400, 401, 403, 407, 415, 420, 481)),
    *(Case(f"refuses with {code}", refuses(f"{code} Told"), failed()) for code in (488, 500, 501, 502, 504, 513, 606)),
    *(Case(f"refuses with {code}", refuses(f"{code} Told"), INVALID) for code in (404, 410, 484, 485, 604)),
    *(Case(f"refuses with {code}", refuses(f"{code} Told"), BUSY) for code in (486, 600, 603)),
    *(Case(f"refuses with {code}", refuses(f"{code} Told"), NO_ANSWER) for code in (408, 480, 487)),
    *(Case(f"refuses with {code}", refuses(f"{code} Told"), failed()) for code in (607, 608)),
    Case("is overloaded", refuses("503 Service Unavailable", "Retry-After: 30"), CONGESTION),
    Case("challenges us", refuses("401 Unauthorized", 'WWW-Authenticate: Digest realm="odd", nonce="1"'), failed()),
    Case("sends us elsewhere", moves_us_on, failed()),
    Case("early media, then busy", early_media_then("486 Busy Here"), BUSY),
    Case("early media, then answered", early_media_then("200 OK"), ANSWERED, WHOLE_MS, EndedBy.US),
    Case("answers properly", answers(), ANSWERED, WHOLE_MS, EndedBy.US),
    Case("answers what we did not offer", answers(rest="m=audio 0 RTP/AVP 0\r\n"), failed("answered")),
    Case("hangs up after a second", answers(leaves(1.0)), ANSWERED, A_SECOND_MS, EndedBy.LISTENER),
    Case(
        "is cut by the network", answers(leaves(1.0, 'Reason: Q.850;cause=38;text="out of order"')), ANSWERED,
        A_SECOND_MS, EndedBy.NETWORK,
    ),
    Case("hangs up before our ACK", bye_before_ack, frozenset({"answered", "no_answer", "failed"}), (0, 1500)),
    Case("answers again and again", two_hundred_again_and_again, ANSWERED, WHOLE_MS, EndedBy.US),
    Case("answers as we take the call back", answers_the_cancel, NO_ANSWER),
    Case("answers in the moment of the time-out", answers_at_the_time_out, NO_ANSWER | ANSWERED),
    Case("says nothing", says_nothing, failed()),
    Case("goes on with sound and nobody answers", goes_on({}), NO_ANSWER),
    Case("goes on without sound and nobody answers", goes_on(None), NO_ANSWER),
    Case("only tries", only_trying, failed()),
    Case("many provisional answers", many_provisional, BUSY),
    Case("garbage, then busy", garbage_first, BUSY),
    Case("holds us and goes on", answers(holds_and_goes_on), ANSWERED, WHOLE_MS, EndedBy.US),
    Case("chatters", answers(chatters), ANSWERED, WHOLE_MS, EndedBy.US),
    Case("transfers us", answers(sends_elsewhere), ANSWERED, WHOLE_MS, EndedBy.US),
    Case("no codec of ours", answers(formats="18", rest="a=rtpmap:18 G729/8000\r\n"), failed("answered", "no_answer")),
    Case("deaf to our BYE", deaf(answers()), ANSWERED, WHOLE_MS, EndedBy.US),
    Case("rings reliably", refuses("180 Ringing", "Require: 100rel", "RSeq: 1"), NO_ANSWER),
]  # fmt: skip


Told = tuple[dict[str, CallResult], OddCarrier, Stack]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """One campaign to all of them; what the books say by case."""
    # Refusals in a row would be a dead carrier: it would be parked.
    mixed = random.Random(1).sample(CASES, len(CASES))
    numbers = {f"+3319900{index:04d}": case for index, case in enumerate(mixed, 100)}
    carrier = OddCarrier({number: case.habit for number, case in numbers.items()})
    with running_stack(tmp_path_factory.mktemp("odd"), ODD.format(port=carrier.port)) as stack:
        people = stack.settings.var_dir / "odd.csv"
        people.write_text("\n".join(["number", *numbers]), encoding="utf-8")
        campaign = stack.draft("odd", people, trunks=["odd"], rate_cps=20.0)
        campaigns.start(stack.store, stack.settings, campaign.name)
        over = (CampaignState.FINISHED,)
        wait_for(lambda: stack.store.campaigns.named(campaign.name).state in over, "the campaign's end", 60)
        books, results = stack.store.listens.snapshot(campaign.id)
        assert books.balance
        yield {numbers[result.number].name: result for result in results}, carrier, stack
    carrier.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_habit_has_its_outcome(told: Told, case: Case) -> None:
    result = told[0][case.name]
    assert result.outcome in case.outcomes
    assert result.dialled == 1
    assert (result.listen is not None) is (result.outcome == "answered")
    if case.heard_ms and result.listen:
        heard_ms = sum(result.listen.heard_ms(segment) for segment in Segment)
        assert case.heard_ms[0] <= heard_ms <= case.heard_ms[1]
    if case.ended_by and result.listen:
        assert result.listen.ended_by is case.ended_by


def test_each_person_is_invited_once(told: Told) -> None:
    carrier = told[1]
    assert {number: len(calls) for number, calls in carrier.calls.items()} == dict.fromkeys(carrier.habits, 1)


def test_no_call_goes_where_the_carrier_sends_it(told: Told) -> None:
    carrier, stack = told[1], told[2]
    transfers = next(case.habit for case in CASES if case.name == "transfers us")
    [call] = [calls[0] for number, calls in carrier.calls.items() if carrier.habits[number] is transfers]
    assert not [what for _, what in call.received if what.isdigit() and what < "400"], "nobody agrees to it"
    assert not [first for first in carrier.strangers if "8810000000" in first]
    [moved] = [calls[0] for number, calls in carrier.calls.items() if carrier.habits[number] is moves_us_on]
    assert "INVITE" not in [what for _, what in moved.received], "it is not sent to the second number either"
    assert "+8810000001" not in carrier.calls
    assert "881000" not in "".join(path.read_text() for path in stack.settings.log_dir.glob("*.log"))


def test_nothing_is_left_on_the_line(told: Told) -> None:
    stack = told[2]
    wait_for(lambda: health.channels(stack.settings) == 0, "the last channel's end", 45)
