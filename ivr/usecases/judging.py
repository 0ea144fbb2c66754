"""Messages on the web: each visitor sees their sponsor's alone, and who uploaded a message does not judge it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ivr.adapters.incoming import Standing, Ticket
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import NotFound, NotReady, Refused
from ivr.rules.records import Message, Origin
from ivr.rules.roles import User
from ivr.settings import Settings
from ivr.usecases import previewing, receiving, uploading
from ivr.usecases.uploading import Said

OF_OTHERS = frozenset({"other_sponsor", "seen_before"})
"""Findings that name messages which a sponsor's people may not see."""


def waiting(store: Store, user: User) -> list[Message]:
    """The messages that this user can still judge, oldest first."""
    return [one for one in store.messages.seen_by(user.sponsor) if may_judge(one, user)]


def may_judge(message: Message, user: User) -> bool:
    """Whether a verdict of this user is still wanted."""
    judged = message.refusal or user.name in [one.by for one in message.approvals]
    return not judged and message.uploaded_by != user.name


def approve(store: Store, settings: Settings, user: User, message_id: int) -> None:
    """The message is approved by this user, who is not its uploader."""
    message = _judged(store, user, message_id)
    uploading.approve(store, settings, message.name, user.name)


def refuse(store: Store, user: User, message_id: int, reason: str) -> None:
    """No campaign uses the message any more; its uploader reads why."""
    message = _judged(store, user, message_id)
    uploading.refuse(store, message.name, reason, user.name)


def _judged(store: Store, user: User, message_id: int) -> Message:
    message = store.messages.one_seen_by(user.sponsor, message_id)
    if message.uploaded_by == user.name:
        raise Refused("who uploaded a message does not judge it: a second person does")
    return message


def preview(store: Store, settings: Settings, user: User, message_id: int) -> previewing.Preview:
    """What the telephone will play, with the findings that this user may read."""
    message = store.messages.one_seen_by(user.sponsor, message_id)
    made = previewing.preview(store, settings, message.name)
    if not user.sponsor:
        return made
    return replace(made, marks=tuple(one for one in made.marks if one.finding.name not in OF_OTHERS))


def send_in(queues: Queues, settings: Settings, user: User, file: Path, name: str, said: Said) -> Ticket:
    """The recording is kept for the user's sponsor, under a name that no other sponsor's message can have."""
    if said.origin is Origin.CLONED and not said.voice_consent:
        raise Refused("a cloned voice: say where the written agreement of its owner can be read")
    whole = replace(said, sponsor=user.sponsor, by=user.name)
    return receiving.receive(queues, settings, file, f"{user.sponsor}: {name}", whole)


def ticket(queues: Queues, settings: Settings, user: User, upload_id: str) -> Ticket:
    """How a recording of the user's sponsor stands; NotFound when it is anybody else's."""
    found = receiving.incoming(settings).ticket(upload_id)
    if user.sponsor and found.said.get("sponsor") != user.sponsor:
        raise NotFound("there is no such recording")
    if found.standing is Standing.WAITING:
        try:
            return receiving.standing(queues, settings, upload_id)
        except NotReady:  # the recording waits; a worker finds it when it starts
            return found
    return found
