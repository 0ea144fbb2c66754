"""Rule packs read from their YAML files, checked whole; which version holds on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ivr.errors import BadSetting, NotFound
from ivr.rules.pack import RulePack, Says

FOLDER = Path(__file__).parents[1] / "rules" / "packs"


def names() -> list[str]:
    """The packs there are."""
    return sorted({file.name.partition("-")[0] for file in FOLDER.glob("??-*.yaml")})


def files(name: str) -> set[Path]:
    """Every version of the pack, and of the packs that it inherits from: no file where there is no such pack."""
    found, wanted = set(FOLDER.glob("common-*.yaml")), set(FOLDER.glob(f"{name}-*.yaml"))
    while wanted:
        file = wanted.pop()
        found.add(file)
        inherits = yaml.safe_load(file.read_text(encoding="utf-8")).get("inherits")
        if inherits:
            wanted.add(_inherited(file, str(inherits)))
    return found


@cache
def pack_on(name: str, day: date) -> RulePack:
    """The version of the pack that holds on the day, else its latest: the Gate says no to one that does not hold."""
    versions = sorted(FOLDER.glob(f"{name}-*.yaml")) if name in names() else []
    if not versions:
        raise NotFound(f"there is no rule pack {name!r}: choose one of base, {', '.join(names())}")
    packs = [read(file) for file in reversed(versions)]
    holding = (one for one in packs if one.effective_from <= day and (one.effective_to or day) >= day)
    return next(holding, packs[0])


@cache
def sentences() -> Mapping[str, Says]:
    """What each rule of any pack demands, by its id: of the latest version of the pack that has it."""
    latest = [read(sorted(FOLDER.glob(f"{name}-*.yaml"))[-1]) for name in names()]
    return {rule.id: rule.says for pack in latest for rule in pack.rules}


@cache
def read(file: Path) -> RulePack:
    """The pack that the file writes, with the rules that it inherits; BadSetting says which part cannot be used."""
    try:
        return RulePack.model_validate(_whole(file))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the pack"
        raise BadSetting(f"rule pack {file.name} cannot be used: {where}: {first['msg']}") from None


def _whole(file: Path) -> dict[str, Any]:
    """What the file says; where it inherits, the other's rules stand behind its own, without those it leaves out."""
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSetting(f"rule pack {file.name} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(said, dict):
        raise BadSetting(f"rule pack {file.name} cannot be used: it is no table of names and values")
    inherits, without = said.pop("inherits", None), said.pop("without", [])
    if inherits is None:
        return said
    other = _whole(_inherited(file, str(inherits)))
    return said | {"rules": [*said.get("rules", []), *_kept(other, without, file)]}


def _inherited(file: Path, name: str) -> Path:
    return file.with_name(name.replace("/", "-") + ".yaml")


def _kept(other: Mapping[str, Any], without: list[str], file: Path) -> list[Mapping[str, Any]]:
    known = {rule["id"] for rule in other["rules"]}
    if missing := set(without) - known:
        raise BadSetting(f"rule pack {file.name} leaves out {', '.join(sorted(missing))}, which is not there")
    return [rule for rule in other["rules"] if rule["id"] not in without]
