"""Places people vote and live in: INSEE's codes, postcodes, and the clock each lives by. Pure: the tables are given.

A commune is named by its own code, Paris, Lyon and Marseille by their arrondissements' where these are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.errors import NotFound

METROPOLITAN_ZONE = "Europe/Paris"
ZONES = {
    "971": "America/Guadeloupe",
    "972": "America/Martinique",
    "973": "America/Cayenne",
    "974": "Indian/Reunion",
    "975": "America/Miquelon",
    "976": "Indian/Mayotte",
    "977": "America/St_Barthelemy",
    "978": "America/Marigot",
    "986": "Pacific/Wallis",
    "987": "Pacific/Tahiti",
    "988": "Pacific/Noumea",
}
"""By département or overseas collectivity (IANA); every other two-character one lives by METROPOLITAN_ZONE."""
ZONES_OF_COMMUNES = {
    **dict.fromkeys(("98718", "98723", "98731", "98746", "98756", "98757"), "Pacific/Marquesas"),
    "98719": "Pacific/Gambier",
}
"""Islands of French Polynesia with a clock of their own: the Marquesas at -9:30, the Gambier at -9."""
_LIGATURES = str.maketrans({"Œ": "OE", "œ": "oe", "Æ": "AE", "æ": "ae"})


class Kind(StrEnum):
    """What a territory's code is the code of."""

    REGION = "region"
    DEPARTEMENT = "departement"
    COMMUNE = "commune"
    POSTCODE = "postcode"


@dataclass(frozen=True, slots=True)
class Commune:
    """A row of INSEE's list. parent: of an arrondissement or a former commune, the code of the commune it is in now."""

    code: str
    kind: str  # "commune", "arrondissement" or "former"
    parent: str
    departement: str
    name: str
    postcodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contact lives, as far as it is known; None: not known. zone: IANA."""

    departement: str | None = None
    commune: str | None = None
    postcode: str | None = None
    zone: str | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Territory:
    """A territory that can be chosen, as the codes that contacts have: those in any of them are in it."""

    kind: Kind
    code: str
    name: str
    departements: tuple[str, ...] = ()
    communes: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()


def plain_name(name: str) -> str:
    """A commune's name without what people write differently: case, accents, ligatures, hyphens, `St` for `Saint`."""
    letters = unicodedata.normalize("NFKD", name.translate(_LIGATURES).upper())
    words = re.findall("[A-Z0-9]+", "".join(c for c in letters if not unicodedata.combining(c)))
    full = {"ST": "SAINT", "STE": "SAINTE"}
    return " ".join(full.get(word, word) for word in words if word not in {"CEDEX"})


def zone_of(departement: str | None, commune: str | None = None) -> str | None:
    """The clock of a place; None when it has no inhabitants' clock or the place is not known."""
    if commune in ZONES_OF_COMMUNES:
        return ZONES_OF_COMMUNES[commune]
    if departement is None or departement in ZONES:
        return ZONES.get(departement or "")
    return METROPOLITAN_ZONE if len(departement) == 2 else None


@dataclass(frozen=True)
class Territories:
    """All of a country's territories. departements, regions: names by code; region_of: by département."""

    communes: Mapping[str, Commune]
    departements: Mapping[str, str]
    regions: Mapping[str, str]
    region_of: Mapping[str, str]
    _by_postcode: dict[str, list[Commune]] = field(default_factory=dict)
    _parts: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What is asked by postcode or by parent is ready."""
        by_postcode: defaultdict[str, list[Commune]] = defaultdict(list)
        parts: defaultdict[str, list[str]] = defaultdict(list)
        for commune in self.communes.values():
            if commune.kind == "arrondissement":
                parts[commune.parent].append(commune.code)
            for postcode in commune.postcodes:
                by_postcode[postcode].append(commune)
        for found in by_postcode.values():  # Paris gives way to its arrondissement
            parents = {commune.parent for commune in found}
            found[:] = [commune for commune in found if commune.code not in parents]
        self._by_postcode.update(by_postcode)
        self._parts.update(parts)

    def place(self, insee: str, postcode: str, city: str) -> Place:
        """The place that a row's three cells tell, each maybe empty: what they leave open stays None."""
        code = _padded(postcode)
        commune = self._commune(insee) or self._commune_at(code, city)
        postcode_known = code if code in self._by_postcode else None
        departement = commune.departement if commune else self._departement_at(code)
        if departement is None:
            return Place(postcode=postcode_known)
        commune_code = commune.code if commune else None
        return Place(departement, commune_code, postcode_known, zone_of(departement, commune_code))

    def territory(self, kind: Kind, code: str) -> Territory:
        """The territory of that code, or NotFound."""
        code = code.strip().upper()
        if kind is Kind.REGION and code in self.regions:
            inside = tuple(sorted(one for one, region in self.region_of.items() if region == code))
            return Territory(kind, code, self.regions[code], departements=inside)
        if kind is Kind.DEPARTEMENT and code in self.departements:
            return Territory(kind, code, self.departements[code], departements=(code,))
        if kind is Kind.COMMUNE and (commune := self._commune(code)):
            communes = (commune.code, *self._parts.get(commune.code, ()))
            return Territory(kind, commune.code, commune.name, (commune.departement,), communes)
        if kind is Kind.POSTCODE and code in self._by_postcode:
            return Territory(kind, code, code, postcodes=(code,))
        raise NotFound(f"there is no {kind} {code!r} in INSEE's list; its codes are such as 11, 75, 75056, 75011")

    def _commune(self, insee: str) -> Commune | None:
        """The commune of today of that code; a former one is in another since."""
        found = self.communes.get(_padded(insee.strip().upper()))
        return self.communes.get(found.parent) if found and found.kind == "former" else found

    def _commune_at(self, postcode: str, city: str) -> Commune | None:
        """The only commune of that postcode, or the one of its communes that has that name."""
        here = self._by_postcode.get(postcode, [])
        if len(here) == 1:
            return here[0]
        wanted = plain_name(city)
        named = [commune for commune in here if plain_name(commune.name) == wanted]
        return named[0] if wanted and len(named) == 1 else None

    def _departement_at(self, postcode: str) -> str | None:
        departements = {commune.departement for commune in self._by_postcode.get(postcode, ())}
        return departements.pop() if len(departements) == 1 else None


def _padded(code: str) -> str:
    """A code of five characters again, if a spreadsheet took its leading zero for nothing."""
    text = code.strip()
    return text.zfill(5) if text.isascii() and text.isdigit() and len(text) == 4 else text


def territories(
    communes: Iterable[Commune], departements: Iterable[tuple[str, str, str]], regions: Iterable[tuple[str, str]]
) -> Territories:
    """Territories from rows: communes, départements (code, region, name), regions (code, name)."""
    rows = list(departements)
    return Territories(
        {commune.code: commune for commune in communes},
        {code: name for code, _, name in rows},
        dict(regions),
        {code: region for code, region, _ in rows},
    )
