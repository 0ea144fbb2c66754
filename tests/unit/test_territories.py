"""INSEE's territories: every code is found, what is ambiguous stays open, and each place has its clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.adapters.territories import french
from ivr.errors import NotFound
from ivr.rules.territories import NOWHERE, Kind, Place, plain_name, zone_of

FRANCE = french()
CODES = sorted(FRANCE.communes)


def test_the_list_is_whole() -> None:
    kinds = [commune.kind for commune in FRANCE.communes.values()]
    assert (kinds.count("commune"), kinds.count("arrondissement")) == (34969, 45)
    assert (len(FRANCE.departements), len(FRANCE.regions)) == (109, 26)
    assert set(FRANCE.region_of.values()) <= set(FRANCE.regions)
    assert {commune.departement for commune in FRANCE.communes.values()} <= set(FRANCE.departements)
    assert {commune.parent for commune in FRANCE.communes.values()} - {""} <= set(FRANCE.communes)


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        (("75111", "", ""), Place("75", "75111", None, "Europe/Paris")),
        (("", "75011", ""), Place("75", "75111", "75011", "Europe/Paris")),
        (("", "75116", "Paris"), Place("75", "75116", "75116", "Europe/Paris")),
        (("", "13001", "MARSEILLE"), Place("13", "13201", "13001", "Europe/Paris")),
        (("", "1400", "l'abergement clemenciat"), Place("01", "01001", "01400", "Europe/Paris")),
        (("", "01400", ""), Place("01", None, "01400", "Europe/Paris")),  # several communes
        (("", "01200", ""), Place(None, None, "01200", None)),  # of two départements
        (("01015", "", ""), Place("01", "01015", None, "Europe/Paris")),  # a former commune's code, and today's
        (("2a004", "20000", "x"), Place("2A", "2A004", "20000", "Europe/Paris")),
        (("", "97400", ""), Place("974", "97411", "97400", "Indian/Reunion")),
        (("98719", "", ""), Place("987", "98719", None, "Pacific/Gambier")),
        (("98412", "", ""), Place("984", "98412", None, None)),  # nobody lives by a clock there
        (("", "75008 CEDEX 08", ""), NOWHERE),
        (("", "", "Paris"), NOWHERE),
    ],
)
def test_what_three_cells_tell(cells: tuple[str, str, str], place: Place) -> None:
    assert FRANCE.place(*cells) == place


def test_every_inhabited_commune_has_a_clock_that_exists() -> None:
    for commune in FRANCE.communes.values():
        zone = zone_of(commune.departement, commune.code)
        assert (zone is None) == (commune.departement in {"984", "989"}), commune
        if zone:
            ZoneInfo(zone)


@pytest.mark.parametrize(
    ("code", "hours"),
    [("75056", 2), ("97105", -4), ("97209", -4), ("97302", -3), ("97411", 4), ("97502", -2), ("97611", 3),
     ("97701", -4), ("97801", -4), ("98613", 12), ("98735", -10), ("98731", -9.5), ("98719", -9), ("98818", 11)],
)  # fmt: skip
def test_clocks_in_april_2027(code: str, hours: float) -> None:
    zone = FRANCE.place(code, "", "").zone
    assert zone is not None
    offset = datetime(2027, 4, 17, 12, tzinfo=ZoneInfo(zone)).utcoffset()
    assert offset is not None
    assert offset.total_seconds() / 3600 == hours


@given(st.sampled_from(CODES))
def test_a_commune_found_by_its_postcode_and_name_is_that_commune(code: str) -> None:
    commune = FRANCE.communes[code]
    for postcode in commune.postcodes:
        found = FRANCE.place("", postcode, commune.name).commune
        assert found is None or found == code or FRANCE.communes[found].parent == code


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=30))
def test_no_cells_break_it(insee: str, postcode: str, city: str) -> None:
    place = FRANCE.place(insee, postcode, city)
    assert place.departement is None or place.departement in FRANCE.departements


def test_territories_by_code() -> None:
    assert FRANCE.territory(Kind.REGION, "94").departements == ("2A", "2B")
    assert FRANCE.territory(Kind.DEPARTEMENT, "2a").name == "Corse-du-Sud"
    paris = FRANCE.territory(Kind.COMMUNE, "75056")
    assert len(paris.communes) == 21
    assert FRANCE.territory(Kind.POSTCODE, "97400").postcodes == ("97400",)
    for kind, code in ((Kind.REGION, "12"), (Kind.DEPARTEMENT, "20"), (Kind.COMMUNE, "75000"), (Kind.POSTCODE, "")):
        with pytest.raises(NotFound, match=f"there is no {kind}"):
            FRANCE.territory(kind, code)


def test_names_as_people_write_them() -> None:
    assert plain_name("St-Étienne-du-Rouvray") == plain_name("SAINT ETIENNE DU ROUVRAY")
    assert plain_name("Œting") == plain_name("OETING")
