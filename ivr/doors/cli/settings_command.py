"""`ivr settings`: every setting with unit, default, present value and source; also makes docs/settings.md."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table

from ivr.settings import FILE_NAME, Settings, Trunk, load

SECRETS = frozenset({"password"})
URLS = frozenset({"url"})
UNITS = {
    "_s": "seconds",
    "_cps": "calls per second",
    "_bytes": "bytes",
    "_ms": "milliseconds",
    "_port": "port",
    "_days": "days",
}
ANY_TRUNK = "NAME"
"""Stands for the name of a trunk in the list of settings."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. name: dotted, as in the file. default, value: as written in the file; value with secrets masked."""

    name: str
    variable: str
    unit: str
    default: str
    value: str
    source: Literal["default", "file", "env"]
    description: str


@click.command("settings")
@click.option("--markdown", is_flag=True, help="Print docs/settings.md.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@click.pass_obj
def settings_command(file: Path | None, markdown: bool, as_json: bool) -> None:
    """Show every setting: unit, default, present value, and where it comes from."""
    if markdown:
        click.echo(as_markdown(), nl=False)
        return
    rows = list(rows_of(load(file)))
    if as_json:
        click.echo(
            json.dumps(
                [{name: getattr(row, name) for name in Row.__slots__} for row in rows], ensure_ascii=False, indent=2
            )
        )
        return
    table = Table("setting", "value", "unit", "default", "source", "what it is", box=None, header_style="bold")
    for row in rows:
        style = "bold" if row.source != "default" else None
        table.add_row(row.name, row.value, row.unit, row.default, row.source, row.description, style=style)
    Console(width=None if os.isatty(1) else 200, markup=False).print(table)


def rows_of(settings: Settings) -> Iterator[Row]:
    """Every setting of an installation, trunk by trunk, secrets masked."""
    for path, info, model in _walk(settings):
        key = path[-1]
        value = getattr(model, key)
        default = _written(info.get_default(call_default_factory=True)) if not info.is_required() else "(required)"
        yield Row(
            ".".join(path),
            _variable(path),
            _unit(key, info),
            default,
            _masked(key, value),
            _source(path, model),
            _says(info),
        )


def as_markdown() -> str:
    """docs/settings.md: the settings by section with unit and default, the same on every machine."""
    lines = [
        "# Settings",
        "",
        "<!-- Made by `ivr settings --markdown > docs/settings.md`; a test fails when it is not up to date. -->",
        "",
        f"They are read from `{FILE_NAME}` in the current folder, or from the file that `$IVR_CONFIG` names.",
        "A variable of the environment wins over the file. What is unknown or cannot be used is refused by name.",
        "`ivr settings` shows the present values and where each comes from.",
    ]
    template = Settings.model_construct(trunks={ANY_TRUNK: Trunk(host="required")})
    section = None
    for path, info, _ in _walk(template):
        if (title := ".".join(path[:-1])) != section:
            section = title
            lines += ["", *_heading(path), "", "| setting | unit | default | what it is |", "|---|---|---|---|"]
        default = "required" if info.is_required() else f"`{_written(info.get_default(call_default_factory=True))}`"
        cells = (f"`{path[-1]}`", _unit(path[-1], info), default, f"{_says(info)} (`{_variable(path)}`)")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _walk(settings: Settings) -> Iterator[tuple[tuple[str, ...], FieldInfo, BaseModel]]:
    """Path, field and owner of each setting: those outside any section first."""
    sections: list[tuple[tuple[str, ...], BaseModel]] = []
    for name, info in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            sections.append(((name,), value))
        elif isinstance(value, dict):
            sections += [((name, key), item) for key, item in value.items()]
        else:
            yield (name,), info, settings
    for path, section in sections:
        for name, info in type(section).model_fields.items():
            yield (*path, name), info, section


def _heading(path: tuple[str, ...]) -> list[str]:
    if len(path) == 1:
        return ["## At the top of the file"]
    annotation = Settings.model_fields[path[0]].annotation
    about = Trunk if path[0] == "trunks" else annotation
    return [f"## `[{'.'.join(path[:-1])}]`", "", (about.__doc__ or "").strip()]


def _variable(path: tuple[str, ...]) -> str:
    return "IVR_" + "__".join(path).upper()


def _unit(name: str, info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return " / ".join(str(choice) for choice in get_args(info.annotation))
    if name in ("rtp_first", "rtp_last"):
        return "port"
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            return unit
    if info.annotation is bool:
        return "true, false"
    if info.annotation is Path:
        return "folder"
    return "number" if info.annotation in (int, float) else "text"


def _says(info: FieldInfo) -> str:
    return info.description or ""


def _written(value: Any) -> str:
    """As TOML writes it."""
    return json.dumps(value.as_posix() if isinstance(value, Path) else value, ensure_ascii=False)


def _masked(name: str, value: Any) -> str:
    if name in SECRETS and value:
        return '"********"'
    if name in URLS:
        hidden = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:********@", str(value))
        return _written(re.sub(r"([?&]\w*password=)[^&]*", r"\1********", hidden))
    return _written(value)


def _source(path: tuple[str, ...], model: BaseModel) -> Literal["default", "file", "env"]:
    if _in_environment(path):
        return "env"
    return "file" if path != ("home",) and path[-1] in model.model_fields_set else "default"


def _in_environment(path: tuple[str, ...]) -> bool:
    """True if a variable gives this setting, by its own name or within a section written as JSON."""
    present = {name.upper(): value for name, value in os.environ.items()}
    if _variable(path) in present:
        return True
    for length in range(1, len(path)):
        try:
            found = json.loads(present.get(_variable(path[:length]), "null"))
        except ValueError:
            continue
        for key in path[length:]:
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            return True
    return False
