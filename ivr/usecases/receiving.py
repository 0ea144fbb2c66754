"""Recordings that are sent in: kept at once, prepared by a worker of the queue `media`, and looked after until then."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from ivr.adapters import files
from ivr.adapters.incoming import OPEN, Incoming, Standing, Ticket
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import AudioRefused, IvrError, NotFound, NotReady, Permanent
from ivr.rules.records import Message, Origin
from ivr.rules.refusals import refusal
from ivr.settings import Settings
from ivr.usecases import uploading
from ivr.usecases.messages import private_copy
from ivr.usecases.uploading import Said

MOST_TRIES = 2


def receive(queues: Queues, settings: Settings, file: Path, name: str, said: Said) -> Ticket:
    """`file` is kept and will become the message `name`; `standing` tells when. `file` itself is not touched.

    Raises NotFound, AudioRefused when it is no file or too large, Refused for what was said of it, Temporary when
    there is no room. A Redis that does not answer costs delay only.
    """
    uploading.check_said(name, said)
    with private_copy(file, settings) as (copied, shown, _):
        ticket = incoming(settings).put(copied, name, shown, asdict(said))
    with suppress(NotReady):  # the worker finds it when it starts, or when it is asked after
        queues.ring_media(ticket.id)
    return ticket


def standing(queues: Queues, settings: Settings, upload_id: str) -> Ticket:
    """How that recording stands, or NotFound. One that waits, or whose worker died, has a bell rung for it again."""
    ticket = _looked_after(settings, incoming(settings).ticket(upload_id))
    if ticket.standing is Standing.WAITING and not queues.media_asked(upload_id):
        queues.ring_media(upload_id)
    return ticket


def prepare(store: Store, settings: Settings, upload_id: str) -> Message | None:
    """What the worker does: the recording is a message, or refused with the reason; doing it twice changes nothing.

    Raises what trying again may cure; the ticket then waits, or is given up when it was cut off too often.
    """
    kept = incoming(settings)
    ticket = kept.ticket(upload_id)
    if ticket.standing not in OPEN:
        return None
    ticket = kept.moved(ticket, Standing.WORKING)
    try:
        message = uploading.add(store, settings, kept.content(ticket), ticket.name, _said(ticket))
    except AudioRefused as refused:
        kept.moved(ticket, Standing.REFUSED, str(refused), refused.finding)
    except Permanent as error:
        if kept.ticket(upload_id).standing in OPEN:  # else another worker was done with it meanwhile
            kept.moved(ticket, Standing.FAILED, str(error))
    except IvrError:
        kept.moved(replace(ticket, tries=ticket.tries - 1), Standing.WAITING)  # that was not its fault
        raise
    except BaseException:  # its time or its memory is over
        _cut_off(kept, ticket, settings)
        raise
    else:
        kept.moved(ticket, Standing.DONE)
        return message
    return None


def _said(ticket: Ticket) -> Said:
    said = dict(ticket.said)
    return Said(**said | {"origin": Origin(said["origin"]), "accept": tuple(said["accept"])})


def struck(settings: Settings, upload_id: str, pid: int) -> None:
    """The process `pid` that prepared it was killed: nothing half written is left; it waits again, or is given up."""
    for folder in (settings.originals_dir, settings.sounds_dir):
        files.drop_parts(folder, pid)
    kept = incoming(settings)
    with suppress(NotFound):
        ticket = kept.ticket(upload_id)
        if ticket.standing is Standing.WORKING:
            _cut_off(kept, ticket, settings)


def _cut_off(kept: Incoming, ticket: Ticket, settings: Settings) -> None:
    if ticket.tries < MOST_TRIES:
        kept.moved(ticket, Standing.WAITING)
    else:
        why = refusal("cut_off", ticket.file_name).said(str(ticket.said["language"]) or settings.language)
        kept.moved(ticket, Standing.FAILED, why)


def resume(queues: Queues, settings: Settings) -> int:
    """Everything that waits has a bell rung for it, as when a worker starts. Returns how many."""
    for folder in (settings.originals_dir, settings.sounds_dir):
        files.drop_forgotten(folder)
    waiting = []
    for ticket in incoming(settings).open():
        now = _looked_after(settings, ticket)  # RQ believes for minutes that the dead one is at it
        if now.standing in OPEN and (now != ticket or not queues.media_asked(ticket.id)):
            waiting.append(now)
    for ticket in waiting:
        queues.ring_media(ticket.id)
    return len(waiting)


def _looked_after(settings: Settings, ticket: Ticket) -> Ticket:
    """How it stands once it is known that the process which prepared it is no more, nor the worker to tell of it."""
    if ticket.standing is Standing.WORKING and (pid := files.gone(ticket.worker)):
        struck(settings, ticket.id, pid)
        return incoming(settings).ticket(ticket.id)
    return ticket


def incoming(settings: Settings) -> Incoming:
    """The folder of recordings that were sent in."""
    return Incoming(settings.shared_dir / "incoming")
