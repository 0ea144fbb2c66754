"""Price lists read from their YAML files, checked whole; which one holds on a day."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from ivr.errors import BadSetting, NotFound
from ivr.rules.price_list import PriceList

FOLDER = Path(__file__).parents[1] / "rules" / "prices"


def names() -> list[str]:
    """The price lists there are, the oldest first."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def named(name: str) -> PriceList:
    """The price list of that name, or NotFound."""
    if name not in names():
        raise NotFound(f"there is no price list {name!r}: `ivr price list` shows {', '.join(names())}")
    return read(FOLDER / f"{name}.yaml")


def in_force(day: date) -> PriceList:
    """The latest list that holds on the day; before the first one, the first: a clock may be wrong."""
    known = [named(name) for name in names()]
    holding = [one for one in known if one.effective_from <= day] or known[:1]
    return max(holding, key=lambda one: (one.effective_from, one.version))


@cache
def read(file: Path) -> PriceList:
    """The price list that the file writes; BadSetting says which part cannot be used."""
    try:
        return PriceList.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSetting(f"price list {file.name} cannot be read: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the list"
        raise BadSetting(f"price list {file.name} cannot be used: {where}: {first['msg']}") from None
