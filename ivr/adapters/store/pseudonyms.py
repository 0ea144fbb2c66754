"""What stands in the place of a number that is not kept any more: a keyed hash of it, or nothing that tells of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, update

from ivr.adapters.store import schema
from ivr.adapters.store.lookups import rows_among

CONTACTS = schema.contacts
KEYED, NAMELESS = "~", "-"
FACTS = ("departement", "commune", "postcode", "birth_year", "language", "zone")
_NUMBERS = select(CONTACTS.c.id, CONTACTS.c.number)
_HIDE = (
    update(CONTACTS)
    .where(CONTACTS.c.id == bindparam("the_id"))
    .values(number=bindparam("the_name"), **dict.fromkeys(FACTS))
)


def hide(
    connection: Connection, numbers: Mapping[int, str], fingerprint: Callable[[str], str], linked: Container[int]
) -> None:
    """Nothing is known of those contacts any more; the number cannot be told from what stands in its place.

    linked: those whose calls can still be told to whoever brings the number, by its keyed hash.
    """
    prints = {id_: fingerprint(number) for id_, number in numbers.items() if id_ in linked}
    firsts = {names(one)[0] for one in prints.values()}
    taken = {row.number for row in rows_among(connection, _NUMBERS, CONTACTS.c.number, firsts)}
    rows = []
    for id_ in sorted(numbers):
        name = names(prints[id_])[0] if id_ in prints else nameless()
        rows.append({"the_id": id_, "the_name": _free(connection, prints[id_]) if name in taken else name})
    if rows:
        connection.execute(_HIDE, rows)


def forget_facts(connection: Connection, contact_ids: Sequence[int]) -> None:
    """Nothing but their numbers is known of those contacts any more."""
    if contact_ids:
        connection.execute(update(CONTACTS).where(CONTACTS.c.id.in_(contact_ids)).values(**dict.fromkeys(FACTS)))


def contacts_of(connection: Connection, fingerprint: str) -> list[int]:
    """The contacts that stood for that number before it was hidden."""
    rows = rows_among(connection, _NUMBERS, CONTACTS.c.number, names(fingerprint))
    return sorted(row.id for row in rows)


def is_number(name: str) -> bool:
    """Whether it is the number itself."""
    return name[:1] not in {KEYED, NAMELESS}


def names(fingerprint: str) -> list[str]:
    """What may stand for a number of that keyed hash: one that comes back, and is hidden again, takes the next."""
    return [f"{KEYED}{fingerprint[:15]}", *(f"{KEYED}{fingerprint[:13]}.{n}" for n in range(10))]


def nameless() -> str:
    """A name that tells nothing."""
    return f"{NAMELESS}{secrets.token_hex(8)[:15]}"


def _free(connection: Connection, fingerprint: str) -> str:
    """A name for it that nobody has; whoever came back more than ten times has none that tells of them."""
    mine = names(fingerprint)
    taken = {row.number for row in rows_among(connection, _NUMBERS, CONTACTS.c.number, mine)}
    return next((name for name in mine if name not in taken), nameless())
