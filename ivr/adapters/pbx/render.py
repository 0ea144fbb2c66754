"""Writing Asterisk's configuration from the templates of asterisk/ and the contexts of dialplans/."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.adapters.pbx import callback_stops, cdr, modules, programs, stir, stops, tls
from ivr.errors import BadSetting, ProgramMissing
from ivr.rules.calling_back import Prompt, name_of
from ivr.settings import HOME, Pbx, Settings, Trunk

TEMPLATES = HOME / "asterisk"
DIALPLANS = HOME / "dialplans"
_TRUNK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_ADDRESS = re.compile(r"[A-Za-z0-9.\-:\[\]]*")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_UNSAFE_IN_DIALPLAN = re.compile(r"[,&|\"'`;\\$(){}\[\]<>]")
_SOCKET_PATH_BYTES = 107


def state_dir(settings: Settings) -> Path:
    """Where Asterisk keeps its configuration, database and records."""
    return settings.var_dir / "asterisk"


def config_file(settings: Settings) -> Path:
    """The asterisk.conf that `render` writes."""
    return state_dir(settings) / "etc" / "asterisk.conf"


def render(settings: Settings, ami_secret: str) -> Path:
    """The whole configuration is in var/asterisk/etc afterwards, for its owner only; its asterisk.conf is returned.

    ami_secret: 16 or more letters, digits, `-` or `_`. Ports must be resolved (not 0).
    Raises BadSetting when a setting holds what a configuration file cannot, ProgramMissing without Asterisk.
    """
    _check(settings, ami_secret)
    state = state_dir(settings)
    etc = state / "etc"
    for folder in (
        state,
        etc,
        etc / "dialplans",
        *(state / name for name in ("lib", "db", "keys", "agi-bin", "spool", "log", "cache")),
    ):
        _private_folder(folder)
    _private_folder(settings.run_dir)
    _private_folder(cdr.file(settings).parent)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    values = _values(settings, ami_secret)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=config_value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - not HTML: config_value is the escaping
    )
    environment.filters["host_only"] = host_only
    for template in sorted(TEMPLATES.glob("*.conf.j2")):
        _write(etc / template.stem, environment.get_template(template.name).render(values))
    for name in modules.EMPTY_FILES:
        _write(etc / f"{name}.conf", "")
    for file in sorted(DIALPLANS.glob("*.conf")):
        _write(etc / "dialplans" / file.name, file.read_text(encoding="utf-8"))
    return config_file(settings)


def config_value(value: Any) -> str:
    """`value` as a configuration file must hold it: one line, no comment. Raises BadSetting for what cannot be held."""
    text = str(value)
    if not _is_value(text):
        raise BadSetting("a setting for Asterisk holds a line break, a control character or blanks at an end")
    return text.replace(";", "\\;")


def _is_value(text: str) -> bool:
    return text.isprintable() and text == text.strip()


def host_only(host: str) -> str:
    """The host of `host:port`; an IPv6 address keeps its colons and loses its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _check(settings: Settings, ami_secret: str) -> None:
    if not _SECRET.fullmatch(ami_secret):
        raise BadSetting("the manager's secret must have 16 or more letters, digits, - or _")
    if _UNSAFE_IN_DIALPLAN.search(str(settings.var_dir)) or not str(settings.var_dir).isprintable():
        raise BadSetting(
            f"setting var: {str(settings.var_dir)!r} holds a punctuation mark that Asterisk would read as its own: "
            "choose a folder named by letters, digits, blanks, - and _"
        )
    if len(os.fsencode(settings.run_dir / "asterisk.ctl")) > _SOCKET_PATH_BYTES:
        raise BadSetting(
            f"the folder for sockets, {settings.run_dir}, has too long a path: set TMPDIR to a shorter one"
        )
    _check_pbx(settings.pbx)
    stir.check(settings)
    for name, trunk in settings.trunks.items():
        _check_trunk(name, trunk)


def _check_pbx(pbx: Pbx) -> None:
    if not (pbx.sip_port and pbx.ami_port and pbx.agi_port):
        raise BadSetting("the ports of this Asterisk must be chosen before its configuration is written")
    if pbx.rtp_last <= pbx.rtp_first:
        raise BadSetting("setting pbx.rtp_last: must be greater than pbx.rtp_first")
    for setting in ("bind", "external_address"):
        if not _ADDRESS.fullmatch(getattr(pbx, setting)):
            raise BadSetting(f"setting pbx.{setting}: must be an address or a host name")


def _check_trunk(name: str, trunk: Trunk) -> None:
    if not _TRUNK_NAME.fullmatch(name):
        raise BadSetting(f"setting trunks: {name[:40]!r} is no name for a trunk (letters, digits, - and _, at most 32)")
    if name in {"global", "system", "udp", "tcp", "tls"}:
        raise BadSetting(f"setting trunks: {name} is a name that Asterisk's own sections have; choose another")
    for setting in ("username", "password"):
        if not _is_value(getattr(trunk, setting)):
            raise BadSetting(f"setting trunks.{name}.{setting}: no line breaks, control characters or blanks at an end")
    if trunk.register_with and not trunk.username:
        raise BadSetting(f"setting trunks.{name}.username: needed because register_with is true")
    if re.search(r"[\s<>@\"]", trunk.username):
        raise BadSetting(f"setting trunks.{name}.username: no blanks, quotes, <, > or @")


def _values(settings: Settings, ami_secret: str) -> dict[str, Any]:
    asterisk = programs.find("asterisk", settings.cache_dir)
    folder = module_folder(asterisk)
    codecs = {codec for trunk in settings.trunks.values() for codec in trunk.codecs.split(",")}
    trunks = settings.trunks.values()
    secret = modules.SRTP if any(trunk.srtp != "off" for trunk in trunks) else ()
    signed = modules.STIR if any(trunk.attest for trunk in trunks) else ()
    called_back = modules.CALLBACKS if any(trunk.callbacks for trunk in trunks) else ()
    load = [
        name
        for name in (*modules.to_load(codecs), *secret, *signed, *called_back)
        if name not in modules.ONLY_IN_SOME or (folder / f"{name}.so").is_file()
    ]
    bind = settings.pbx.bind.strip("[]")
    everywhere = bind in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    message = settings.message.max_s * (1 + settings.calls.max_repeats)
    state = state_dir(settings)
    return {
        "settings": settings,
        "ami_secret": ami_secret,
        "etc": state / "etc",
        "state": state,
        "run": settings.run_dir,
        "modules": folder,
        "data": data_folder(asterisk),
        "load": load,
        "declined": modules.DECLINED,
        "events": modules.EVENTS,
        "disabled_events": modules.DISABLED_EVENTS,
        "named_filters": programs.major(asterisk) >= 22,
        "transports": sorted({"udp"} | {trunk.transport for trunk in settings.trunks.values()}),
        "tls": tls.files(settings),
        "bind": f"[{bind}]" if ":" in bind else bind,
        "media_address": settings.pbx.external_address if everywhere else bind,
        "limit_s": int(message + 120),
        "log_file": settings.log_dir / "asterisk.log",
        "security_file": settings.log_dir / "security.log",
        "stops_file": stops.file(settings),
        "callback_stops_file": callback_stops.file(settings),
        "callback_alone": name_of(Prompt.ALONE, settings.language),
        "callback_never": name_of(Prompt.NEVER, settings.language),
        "callback_unknown": name_of(Prompt.UNKNOWN, settings.language),
        "cdr_file": cdr.file(settings),
        "cdr_columns": ",".join(f"${{CSV_QUOTE(${{CDR({column})}})}}" for column in cdr.COLUMNS),
    }


def module_folder(asterisk: programs.Program) -> Path:
    """Where that Asterisk's modules are. Raises ProgramMissing when they are nowhere."""
    if asterisk.native:
        places = sorted(asterisk.native.glob("usr/lib/*/asterisk/modules"))
    else:
        own = _machine_setting("astmoddir")
        places = [*([own] if own else []), *sorted(Path("/usr/lib").glob("*/asterisk/modules"))]
        places += [
            Path(prefix) / "asterisk/modules"
            for prefix in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
        ]
    for place in places:
        if (place / "chan_pjsip.so").is_file():
            return place
    raise ProgramMissing(
        f"the Asterisk of {asterisk.binary} has no chan_pjsip module: "
        "install its modules, or remove it and run `make setup`"
    )


def data_folder(asterisk: programs.Program) -> Path:
    """Where that Asterisk's own data (documentation of its options) is."""
    if asterisk.native:
        return asterisk.native / "usr/share/asterisk"
    places = (_machine_setting("astdatadir"), Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))
    return next((place for place in places if place and (place / "documentation").is_dir()), Path("/var/lib/asterisk"))


def _machine_setting(name: str) -> Path | None:
    """A folder that the machine's own asterisk.conf names."""
    try:
        text = Path("/etc/asterisk/asterisk.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(rf"^\s*{name}\s*=>?\s*([^;\n]+)", text, re.MULTILINE)
    return Path(match.group(1).strip()) if match else None


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise BadSetting(f"{folder} belongs to somebody else: remove it or choose another folder")
    folder.chmod(0o700)


def _write(file: Path, text: str) -> None:
    """`file` holds `text`, whole, readable by its owner only."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    shutil.move(fresh, file)
