"""What SIPp is given: the scenario, and one row of facts for each spelling of each person's number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ivr.errors import Refused
from ivr.rules.electorate import MOST_FIRST, Person

PEOPLE_FILE = "sipp-people.csv"
PHRASES = {486: "Busy Here", 480: "Temporarily Unavailable", 404: "Not Found", 503: "Service Unavailable"}
AT_ONCE = (404, 503)
LONGEST_MS = 600_000
NEVER = 1
"""Stands for "does not hang up": SIPp 3.8 expands a variable that holds 0 to nothing."""

_FIRST_EAR = (127 << 24) | (64 << 16)


def ear_address(index: int) -> str:
    """The loopback address of person `index`, its own: 127.64.0.1 and following, never a network's first or last."""
    third, fourth = divmod(index, 254)
    address = _FIRST_EAR + (third << 8) + fourth + 1
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def write(folder: Path, people: Iterable[Person], media_port: int) -> Path:
    """`folder` holds the scenario (its path is returned) and its rows; relative names, SIPp runs in `folder`."""
    environment = Environment(loader=PackageLoader("ivr.adapters.carrier", "."), undefined=StrictUndefined)  # noqa: S701
    environment.trim_blocks = False
    text = environment.get_template("scenario.xml.j2").render(
        people_file=PEOPLE_FILE,
        media_port=media_port,
        refusals=PHRASES,
        most_first=MOST_FIRST,
        refusals_at_once=AT_ONCE,
        longest_ms=LONGEST_MS,
    )
    path = folder / "scenario.xml"
    path.write_text(text, encoding="latin-1")
    rows = [row for person in people for row in _rows(person)]
    (folder / PEOPLE_FILE).write_text("\n".join(["SEQUENTIAL", "-;-;1;1;1;-;0;0;0;", *rows]) + "\n", encoding="ascii")
    return path


def _rows(person: Person) -> list[str]:
    unknown = {person.sip_code, *person.first} - {0, 200, *PHRASES} or set(person.first) & {200}
    if unknown or len(person.first) > MOST_FIRST:
        raise Refused(
            f"the carrier of the lab cannot answer {unknown or person.first}: use {sorted(PHRASES)}, 0 for none, "
            f"for {MOST_FIRST} first calls at most"
        )
    digits = person.number.removeprefix("+")
    facts = f"{person.index + 1};{person.sip_code or 1};{person.ring_ms};{person.hang_up_ms or NEVER}"
    first = "".join(f"{code or 1};" for code in person.first) + "0;" * (MOST_FIRST - len(person.first))
    spellings = [digits, "0" + digits.removeprefix("33")] if digits.startswith("33") else [digits]
    return [f"{spelling};{facts};{ear_address(person.index)};{first}" for spelling in spellings]
