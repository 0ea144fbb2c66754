"""Where a person votes, from the département or overseas collectivity of their commune (INSEE)."""

from __future__ import annotations

OVERSEAS = {
    "971": "GP", "972": "MQ", "973": "GF", "974": "RE", "975": "PM", "976": "YT", "977": "BL", "978": "MF",
    "986": "WF", "987": "PF", "988": "NC",
}  # fmt: skip
METROPOLITAN = "FR"


def territory_of(departement: str | None) -> str | None:
    """As rule packs name it (ISO 3166); None when nobody knows."""
    if not departement:
        return None
    return METROPOLITAN if len(departement) == 2 else OVERSEAS.get(departement)
