"""What may be sent to Asterisk's manager, and its lists."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.adapters.ami import Originate
from ivr.adapters.ami.messages import assignment, checked
from ivr.errors import AmiRefused, AmiTimeout, Permanent, Unsendable
from tests.unit.fakes.ami import Action, FakeAmi, reply, say
from tests.unit.test_ami_link import linked, run

CALL = Originate("a-1", "PJSIP/1@t", "message", "s", "<1>", 25)


@pytest.mark.parametrize("evil", ["x\r\n\r\nAction: Command", "x\ny", "x\ry", "x\0y", "\ud800"])
def test_a10_nothing_of_an_action_with_a_line_break_is_sent(evil: str) -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            for call in (
                replace(CALL, caller_id=evil),
                replace(CALL, variables={"A": evil}),
                replace(CALL, channel_id=evil),
            ):
                with pytest.raises(Unsendable):
                    await client.originate(call)
            for headers in ({"X": evil}, {"X": ["fine", evil]}, {evil: "x"}):
                with pytest.raises(Unsendable):
                    await client.action("Ping", **headers)
            with pytest.raises(Unsendable):
                await client.action(evil)
            await client.action("Ping")
            assert [action["action"] for action in fake.actions] == ["Login", "Ping"]

    run(scene())


def test_a10_the_refusal_is_permanent_and_a_value_error() -> None:
    assert issubclass(Unsendable, Permanent)
    assert issubclass(Unsendable, ValueError)


def test_a10_a_line_or_message_longer_than_asterisk_reads_is_refused() -> None:
    checked({"Action": "X", "Data": "d" * 1016})
    with pytest.raises(Unsendable, match="1022 bytes"):
        checked({"Action": "X", "Data": "é" * 510})
    with pytest.raises(Unsendable, match="126 lines"):
        checked({"Action": "X", "Variable": ["A=1"] * 126})


@pytest.mark.parametrize("name", ["", "A B", "A=B", "CALLERID(num)", "SHELL(x)", "1A", "A,B", "é"])
def test_a10_a_variable_cannot_be_a_function_or_a_second_variable(name: str) -> None:
    with pytest.raises(Unsendable):
        assignment(name, "x")


def asterisk_reads(line: str) -> list[str]:
    """The assignments Asterisk finds in a Variable header (the rules of main/app.c, written from its description)."""
    found, current, depth, quoted, position = [], "", {"(": 0, "[": 0}, False, 0
    while position < len(line):
        character = line[position]
        if character == "\\":
            position += 1
            current += line[position : position + 1]
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted and not any(depth.values()):
            found.append(current)
            current = ""
        else:
            opening = {")": "(", "]": "["}.get(character, character)
            if opening in depth:
                depth[opening] = max(0, depth[opening] + (1 if opening == character else -1))
            current += character
        position += 1
    return [*found, current]


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_asterisk_reads_back_one_variable_with_its_own_value(value: str) -> None:
    assert asterisk_reads(assignment("NAME", value)) == [f"NAME={value}"]


def test_variables_are_sent_in_their_order_one_header_each() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            await client.originate(replace(CALL, ring_timeout_s=0.5, variables={"B": "1", "__A": 'x,"y"(z)', "C": ""}))
            sent = fake.named("Originate")[0]
            assert sent["variable"] == 'B=1\n__A=x\\,\\"y\\"\\(z\\)\nC='
            assert sent["timeout"] == "500"

    run(scene())


def listing(complete: str, *items: list[str]) -> object:
    def answer(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        mine = f"ActionID: {action['actionid']}"
        reply(writer, action, "EventList: start", "Message: will follow")
        say(writer, "Event: Newchannel", "Uniqueid: between")
        for item in items:
            say(writer, *item, mine)
        if complete:
            say(writer, f"Event: {complete}", mine, "EventList: Complete", f"ListItems: {len(items)}")

    return answer


def channel(unique_id: str) -> list[str]:
    return ["Event: CoreShowChannel", f"Channel: PJSIP/t-{unique_id}", f"Uniqueid: {unique_id}"]


def test_channels_are_collected_to_the_end_of_the_list() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["CoreShowChannels"] = listing("CoreShowChannelsComplete", channel("a"), channel("b"))  # type: ignore[assignment]
            assert await client.channels() == {"a", "b"}
            fake.answers["CoreShowChannels"] = listing("CoreShowChannelsComplete")  # type: ignore[assignment]
            assert await client.channels() == set()
            names = [client.events.get_nowait().name for _ in range(client.events.qsize())]
            assert names == ["LinkUp", "FullyBooted", "Newchannel", "Newchannel"]

    run(scene())


def test_a_list_that_never_ends_times_out_and_its_rest_is_no_event() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["CoreShowChannels"] = listing("", channel("a"))  # type: ignore[assignment]
            with pytest.raises(AmiTimeout):
                await client.channels(timeout_s=0.1)
            late = f"ActionID: {fake.named('CoreShowChannels')[0]['actionid']}"
            fake.say(*channel("b"), late)
            await client.action("Ping")
            names = [client.events.get_nowait().name for _ in range(client.events.qsize())]
            assert "CoreShowChannel" not in names

    run(scene())


def test_a_refused_list_is_refused_at_once() -> None:
    def answer(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action, "Message: Permission denied", response="Error")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["CoreShowChannels"] = answer
            with pytest.raises(AmiRefused, match="Permission denied"):
                await client.channels()

    run(scene())


def test_tree_gives_keys_without_the_family_and_not_those_of_a_lookalike() -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            items = [
                ["Event: DBGetTreeResponse", "Key: /a_b/one", "Val: 1: x"],
                ["Event: DBGetTreeResponse", "Key: /a_b/deep/two", "Val: 2"],
                ["Event: DBGetTreeResponse", "Key: /axb/three", "Val: 3"],
            ]
            fake.answers["DBGetTree"] = listing("DBGetTreeComplete", *items)  # type: ignore[assignment]
            assert await client.tree("a_b") == {"one": "1: x", "deep/two": "2"}

    run(scene())


def test_a_channels_variable_is_read_and_written_and_it_is_redirected() -> None:
    def told(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action, f"Variable: {action['variable']}", "Value: message")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Getvar"] = told
            assert await client.variable("a-1", "V") == "message"
            assert await client.set_variable("a-1", "V", "x")
            assert await client.redirect("a-1", "somewhere")
            (read,), (written,), (sent,) = (fake.named(name) for name in ("Getvar", "Setvar", "Redirect"))
            assert (read["channel"], read["variable"]) == ("a-1", "V")
            assert (written["channel"], written["variable"], written["value"]) == ("a-1", "V", "x")
            assert [sent[key] for key in ("channel", "context", "exten", "priority")] == ["a-1", "somewhere", "s", "1"]

    run(scene())


def test_a_channel_that_is_gone_is_said_and_a_pattern_is_none() -> None:
    def absent(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        gone = "Channel does not exist" if action["action"] == "Redirect" else "No such channel"
        reply(writer, action, f"Message: {gone}", response="Error")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers = dict.fromkeys(("Getvar", "Setvar", "Redirect"), absent)
            assert await client.variable("a-1", "V") is None
            assert not await client.set_variable("a-1", "V", "x")
            assert not await client.redirect("a-1", "somewhere")
            for pattern in ("", "/.*/"):
                with pytest.raises(Unsendable):
                    await client.variable(pattern, "V")
                with pytest.raises(Unsendable):
                    await client.set_variable(pattern, "V", "x")
                with pytest.raises(Unsendable):
                    await client.redirect(pattern, "somewhere")

    run(scene())


def test_delete_tree_and_hangup_say_whether_there_was_something() -> None:
    def absent(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reason = "No such channel" if action["action"] == "Hangup" else "Database entry not found"
        reply(writer, action, f"Message: {reason}", response="Error")

    async def scene() -> None:
        async with linked() as (fake, client):
            assert await client.hangup("a-1")
            assert await client.delete_tree("listens", "a-1")
            assert fake.named("Hangup")[0]["channel"] == "a-1"
            fake.answers = {"Hangup": absent, "DBDelTree": absent}
            assert not await client.hangup("a-1")
            assert not await client.delete_tree("listens", "a-1")

    run(scene())


@pytest.mark.parametrize(("family", "key"), [("", "k"), ("f", ""), ("f", "a_1"), ("f%", "k")])
def test_delete_tree_cannot_delete_more_than_was_meant(family: str, key: str) -> None:
    async def scene() -> None:
        async with linked() as (fake, client):
            with pytest.raises(Unsendable):
                await client.delete_tree(family, key)
            with pytest.raises(Unsendable):
                await client.hangup("/.*/")
            assert [action["action"] for action in fake.actions] == ["Login"]

    run(scene())


def test_a13_the_output_of_a_command_is_in_its_reply() -> None:
    def answer(_fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
        reply(writer, action, "Message: Command output follows", "Output: one: 1", "Output: ", "Output: two")

    async def scene() -> None:
        async with linked() as (fake, client):
            fake.answers["Command"] = answer
            assert (await client.action("Command", Command="core show uptime"))["Output"] == "one: 1\n\ntwo"

    run(scene())
