"""The AMI link against a manager that cuts, stalls and refuses. Each test carries the number of the defect it cures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from ivr.adapters.ami import LINK_DOWN, LINK_UP, LOGIN_REFUSED, AmiClient, AmiEvent, Originate, wire
from ivr.errors import AmiDisconnected, AmiDown, AmiLoginRefused, AmiRefused, AmiTimeout
from tests.unit.fakes.ami import Action, FakeAmi, cut, reply, say, silence, until

CALL = Originate(
    "a-1", "PJSIP/33612345678@trunk", "message", "s", '"Town" <0123456789>', 25, variables={"ATTEMPT": "a-1"}
)


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 20))


def client_of(fake: FakeAmi, secret: str = "right", **limits: Any) -> AmiClient:  # noqa: S107
    return AmiClient("127.0.0.1", fake.port, "ivr", secret, **limits)


@contextlib.asynccontextmanager
async def linked(**limits: Any) -> AsyncIterator[tuple[FakeAmi, AmiClient]]:
    async with FakeAmi() as fake:
        client = client_of(fake, **limits)
        await client.open()
        try:
            yield fake, client
        finally:
            await client.close()


async def next_named(client: AmiClient, name: str) -> AmiEvent:
    while True:
        event = await asyncio.wait_for(client.events.get(), 5)
        if event.name == name:
            return event


def test_a1_an_originate_cut_before_its_reply_is_never_sent_again() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Originate"] = cut
            with pytest.raises(AmiDisconnected):
                await client.originate(CALL)
            del fake.answers["Originate"]
            await next_named(client, LINK_DOWN)
            await next_named(client, LINK_UP)
            await next_named(client, "FullyBooted")
            await client.action("Ping")  # a round trip later there is still one
            assert len(fake.named("Originate")) == 1

    run(scene())


def test_news_is_read_in_handfuls_and_what_was_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "GATHER_S", 1000.0)

    async def scene() -> None:
        async with linked() as (fake, client):
            await client.action("Ping")
            await next_named(client, "FullyBooted")
            fake.say("Event: Hangup", "Uniqueid: a-1")
            assert (await next_named(client, "Hangup")).get("Uniqueid") == "a-1"
            assert client._wire is not None
            assert not client._wire.transport.is_reading(), "what follows has time"
            fake.say("Event: Hangup", "Uniqueid: a-2")
            fake.say("Event: Hangup", "Uniqueid: a-3")
            await client.action("Ping")
            assert [client.events.get_nowait().get("Uniqueid") for _ in range(2)] == ["a-2", "a-3"]

    run(scene())


def test_a2_every_action_under_way_fails_when_the_link_is_lost() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Wait"] = silence
            waiting = [asyncio.create_task(client.action("Wait")) for _ in range(3)]
            await until(lambda: len(fake.named("Wait")) == 3)
            fake.cut()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(result) for result in results] == [AmiDisconnected] * 3

    run(scene())


@pytest.mark.parametrize("name", ["Originate", "PlayDTMF"])
def test_a3_a_success_message_that_looks_like_a_list_does_not_cut_the_link(name: str) -> None:
    def answer(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action, "Message: something successfully queued")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers[name] = answer
            assert (await client.action(name, Channel="x"))["message"] == "something successfully queued"
            await client.action("Ping")
            assert fake.connections == 1

    run(scene())


def test_a4_originate_ends_when_queued_and_its_response_comes_as_an_event() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            await client.originate(CALL)
            sent = fake.named("Originate")[0]
            assert sent["actionid"] == sent["channelid"] == "a-1"
            assert (sent["async"], sent["timeout"], sent["exten"], sent["priority"]) == ("true", "25000", "s", "1")
            fake.say("Event: OriginateResponse", "ActionID: a-1", "Response: Failure", "Reason: 3", "Uniqueid: <null>")
            event = await next_named(client, "OriginateResponse")
            assert (event.get("actionid"), event.get("REASON"), event.get("nothing")) == ("a-1", "3", "")

    run(scene())


def test_a4_an_event_with_the_action_id_does_not_pass_for_the_reply() -> None:
    def event_first(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        say(writer, "Event: OriginateResponse", f"ActionID: {action['actionid']}", "Response: Failure", "Reason: 0")
        reply(writer, action, "Message: Originate successfully queued")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Originate"] = event_first
            await client.originate(CALL)
            assert (await next_named(client, "OriginateResponse")).get("Response") == "Failure"

    run(scene())


def test_a5_no_consumer_can_cut_the_link_and_a_full_queue_is_counted() -> None:
    async def scene() -> None:
        async with linked(queue_size=4) as (fake, client):
            for number in range(10):
                fake.say("Event: Newstate", f"Number: {number}")
            await client.action("Ping")
            assert (client.dropped, fake.connections) == (8, 1)  # LinkUp, FullyBooted and two fitted
            fake.cut()
            await until(lambda: fake.connections == 2 and client.up)
            names = [client.events.get_nowait().name for _ in range(client.events.qsize())]
            assert LINK_DOWN in names  # news of the link is never what gets lost
            assert LINK_UP in names[names.index(LINK_DOWN) :]

    run(scene())


def test_a6_events_come_in_order_after_the_news_of_the_link() -> None:
    async def scene() -> None:
        async with FakeAmi() as fake:
            fake.after_login = [line for n in range(500) for line in (f"Event: E{n}", "X: y", "")]
            client = client_of(fake)
            await client.open()
            names = [(await client.events.get()).name for _ in range(502)]
            assert names == [LINK_UP, *(f"E{n}" for n in range(500)), "FullyBooted"]
            await client.close()

    run(scene())


def test_a7_a_silent_peer_is_noticed_and_left() -> None:
    async def scene() -> None:
        async with linked(ping_interval_s=0.1, action_timeout_s=0.2) as (fake, client):
            await until(lambda: len(fake.named("Ping")) >= 2)
            assert fake.connections == 1
            fake.answers["Ping"] = silence
            began = time.monotonic()
            await next_named(client, LINK_DOWN)
            assert time.monotonic() - began < 1.5
            del fake.answers["Ping"]
            await next_named(client, LINK_UP)
            assert fake.connections == 2

    run(scene())


def test_a7_an_action_without_reply_times_out_and_its_late_reply_finds_nobody() -> None:
    held: list[tuple[asyncio.StreamWriter, Action]] = []

    async def scene() -> None:
        async with linked(action_timeout_s=0.1) as (fake, client):
            fake.answers["Slow"] = lambda _fake, writer, action: held.append((writer, action))
            with pytest.raises(AmiTimeout, match=r"did not answer Slow within 0\.1 s"):
                await client.action("Slow")
            reply(*held[0], "Message: too late")
            assert (await client.action("Ping"))["Message"] == "done"
            assert client._wire is not None
            assert not client._wire.responses

    run(scene())


def test_a_peer_that_does_not_answer_is_told_nothing_more_until_it_does() -> None:
    held: list[tuple[asyncio.StreamWriter, Action]] = []

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Originate"] = lambda _fake, writer, action: held.append((writer, action))
            sent = asyncio.create_task(client.send_originate(CALL))
            await until(lambda: bool(held))
            assert client.up
            await until(lambda: not client.up)
            reply(*held[0], "Message: Originate successfully queued")
            await until(lambda: client.up)
            await sent
            assert fake.connections == 1

    run(scene())


def test_a8_a_wrong_secret_is_said_at_once_and_once() -> None:
    async def scene() -> None:
        async with FakeAmi() as fake:
            client = client_of(fake, secret="wrong")
            with pytest.raises(AmiLoginRefused):
                await client.open()
            await until(lambda: not fake.writers)
            await asyncio.sleep(0.3)  # longer than the first back-off
            assert fake.connections == 1

    run(scene())


def test_a8_a_secret_that_stops_being_right_ends_the_attempts() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.secret = "changed"
            fake.cut()
            await next_named(client, LOGIN_REFUSED)
            connections = fake.connections
            with pytest.raises(AmiDown):
                await client.action("Ping")
            await asyncio.sleep(0.3)
            assert fake.connections == connections == 2

    run(scene())


def test_a8_nobody_listening_or_nobody_answering_is_down() -> None:
    async def scene() -> None:
        async with FakeAmi() as fake:
            fake.answers["Login"] = silence
            with pytest.raises(AmiDown, match="answered the login"):
                await client_of(fake, action_timeout_s=0.1).open()
            fake.answers["Login"] = cut
            with pytest.raises(AmiDown):
                await client_of(fake).open()
        with pytest.raises(AmiDown, match="no Asterisk manager answers at"):
            await client_of(fake).open()

    run(scene())


def test_a9_nothing_comes_back_after_close() -> None:
    async def scene() -> None:
        async with FakeAmi() as fake:
            client = client_of(fake)
            await client.open()
            fake.cut()
            await next_named(client, LINK_DOWN)
            await client.close()  # while the next attempt is pending
            await client.close()
            await asyncio.sleep(0.4)
            assert fake.connections == 1
            with pytest.raises(AmiDown):
                await client.action("Ping")

    run(scene())


def test_a9_close_fails_what_is_under_way() -> None:
    async def scene() -> None:
        async with FakeAmi() as fake:
            fake.answers["Wait"] = silence
            client = client_of(fake)
            await client.open()
            waiting = asyncio.create_task(client.action("Wait"))
            await until(lambda: bool(fake.named("Wait")))
            await client.close()
            with pytest.raises(AmiDisconnected):
                await waiting

    run(scene())


def test_a11_a_character_split_over_two_segments_is_kept() -> None:
    head, tail = "Event: Hello\r\nName: José Ñandú €\r\n\r\n".encode().split(b"\xa9", 1)

    async def scene() -> None:
        async with linked() as (_fake, client):
            assert client._wire is not None
            client._wire.data_received(head)
            client._wire.data_received(b"\xa9" + tail)
            assert (await next_named(client, "Hello")).get("name") == "José Ñandú €"
            client._wire.data_received(b"Event: Raw\r\nName: Jos\xe9\r\n\r\n")  # latin-1: replaced, not fatal
            assert (await next_named(client, "Raw")).get("Name") == "Jos\ufffd"

    run(scene())


def test_a12_what_is_asked_while_down_is_never_sent() -> None:
    async def scene() -> None:
        async with FakeAmi() as fake:
            client = client_of(fake)
            with pytest.raises(AmiDown):
                await client.action("Before")
            await client.open()
            await fake.stop()
            await next_named(client, LINK_DOWN)
            began = time.monotonic()
            with pytest.raises(AmiDown):
                await client.originate(CALL)
            assert time.monotonic() - began < 0.1
            await fake.start()
            await next_named(client, LINK_UP)
            await client.action("Ping")
            assert not fake.named("Originate")
            assert not fake.named("Before")
            await client.close()

    run(scene())


def test_a12_nothing_is_sent_to_an_asterisk_that_is_shutting_down() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.say("Event: Shutdown", "Shutdown: Cleanly", "Restart: False")
            await next_named(client, "Shutdown")
            with pytest.raises(AmiDown):
                await client.originate(CALL)
            await next_named(client, LINK_DOWN)

    run(scene())


def test_a14_the_link_needs_no_fully_booted_and_asks_for_events() -> None:
    def login(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action, "Message: Authentication accepted")

    async def scene() -> None:
        async with FakeAmi() as fake:
            fake.answers["Login"] = login
            client = client_of(fake)
            await client.open()
            assert fake.named("Login")[0]["events"] == "on"
            fake.cut()
            await next_named(client, LINK_DOWN)
            await next_named(client, LINK_UP)
            await client.action("Ping")
            await client.close()

    run(scene())


def test_a15_a_client_and_a_call_may_be_built_outside_any_loop() -> None:
    asyncio.run(asyncio.sleep(0))
    fake = FakeAmi()
    client = AmiClient("127.0.0.1", 1, "ivr", "right")

    async def scene() -> None:
        async with fake:
            client._where = ("127.0.0.1", fake.port)
            await client.open()
            await client.originate(CALL)
            await client.close()

    run(scene())


def test_a16_an_event_without_a_unique_id_is_an_event_like_any_other() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.say("Event: OriginateResponse", "ActionID: x", "Response: Failure", "Uniqueid: <null>", "Channel: ")
            fake.say("Event: Odd", "ChanVariable: A=1", "ChanVariable: B=2", "no colon here", "Empty:")
            fake.say("Neither: event nor reply")
            assert (await next_named(client, "OriginateResponse")).get("Uniqueid") == "<null>"
            odd = await next_named(client, "Odd")
            assert (odd.get("ChanVariable"), odd.get("Empty")) == ("A=1\nB=2", "")
            assert fake.connections == 1

    run(scene())


def test_a_peer_that_never_ends_a_message_is_left() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.writers[0].write(b"x" * (1 << 20) + b"xx")
            await next_named(client, LINK_DOWN)

    run(scene())


def test_a_refusal_is_told_with_its_reason() -> None:
    def answer(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action, "Message: Extension does not exist.", response="Error")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Originate"] = answer
            with pytest.raises(AmiRefused, match="refused Originate: Extension does not exist"):
                await client.originate(CALL)

    run(scene())


def test_neither_numbers_nor_the_secret_reach_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Originate"] = cut
            fake.say("Event: Newchannel", "CallerIDNum: 33612345678")
            event = await next_named(client, "Newchannel")
            logging.getLogger().debug("%r %r", event, CALL)
            with pytest.raises(AmiDisconnected):
                await client.originate(CALL)
            await next_named(client, LINK_UP)

    run(scene())
    assert "Newchannel" in caplog.text
    assert not [secret for secret in ("33612345678", "0123456789", "right") if secret in caplog.text]
