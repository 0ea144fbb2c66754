"""The settings: one file (`portevoix.toml`) plus `IVR_…` environment variables, which win.

`ivr settings` prints every setting with its unit, default and present value; docs/settings.md is made from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ivr.errors import BadSetting
from ivr.trunk_settings import Section as _Section
from ivr.trunk_settings import Trunk as Trunk

FILE_NAME = "portevoix.toml"
HOME = Path(__file__).resolve().parent.parent
"""Where `agi/`, `dialplans/`, `asterisk/` and `audio/` are."""

LONGEST_RUN_DIR_BYTES = 80
"""A socket's path may have 107 bytes, and supervisord's longest name takes 24 of them."""

Port = int


class Pbx(_Section):
    """The Asterisk of this machine."""

    name: str = Field("pbx1", pattern=r"^[a-z0-9_-]{1,32}$", description="name of this Asterisk in orders and reports")
    bind: str = Field("127.0.0.1", description="address where SIP and RTP listen; a real trunk needs a reachable one")
    external_address: str = Field("", description="public address to announce to a trunk behind NAT; empty: none")
    sip_port: Port = Field(5060, ge=0, le=65535, description="UDP port of SIP; 0: a free one, picked by `ivr up`")
    ami_port: Port = Field(5038, ge=0, le=65535, description="TCP port of the manager, on loopback; 0: a free one")
    agi_port: Port = Field(4573, ge=0, le=65535, description="TCP port of the AGI server, on loopback; 0: a free one")
    tls_port: Port = Field(
        5061, ge=0, le=65535, description="TCP port of SIP over TLS, open only if a trunk uses it; 0: a free one"
    )
    tls_certificate: str = Field(
        "", description="file of our certificate with its chain (PEM), for carriers that ask for one"
    )
    tls_key: str = Field("", description="file of that certificate's private key (PEM)")
    tls_ca: str = Field(
        "", description="file of the authorities (PEM) that carriers' certificates must come from; empty: the machine's"
    )
    rtp_first: Port = Field(10000, ge=1024, le=65000, description="first UDP port of RTP; two per call")
    rtp_last: Port = Field(19999, ge=1025, le=65535, description="last UDP port of RTP")
    max_files: int = Field(20000, ge=256, description="open files Asterisk asks for; a call takes five")
    channels: int = Field(300, ge=1, description="calls at once on this Asterisk")
    callback_channels: int = Field(
        60, ge=1, le=2000, description="people at once on the call-back line, beside those; others hear that it is busy"
    )


class Calls(_Section):
    """What holds for every call."""

    ring_timeout_s: float = Field(25.0, ge=1, le=120, description="seconds of ringing before a call is given up")
    grace_s: float = Field(3.0, ge=0, le=10, description="seconds during which keys are still heard after the notice")
    max_repeats: int = Field(3, ge=0, le=10, description="times a person may have the message again in one call")
    retry: str = Field(
        "congestion=2m 10m 30m x4",
        description="who is called again, when and how often, unless the campaign says otherwise; `never`: nobody",
    )
    opt_out_alarm_per_thousand: float = Field(
        50.0,
        gt=0,
        le=1000,
        description="requests to stop per 1,000 answered calls above which, beyond chance, progress warns",
    )
    pause_above_alarm: bool = Field(
        True, description="true: a campaign above that line is paused until somebody resumes it"
    )
    country: str = Field("FR", pattern=r"^[A-Z]{2}$", description="country whose national numbers are understood")


class Database(_Section):
    """Where the truth is kept."""

    url: str = Field(
        "", description="empty: SQLite in the var folder; or postgresql://user:password@host/name", repr=False
    )
    busy_timeout_s: float = Field(10.0, gt=0, description="seconds to wait for a lock, or for a free connection")


class Redis(_Section):
    """Where the bells ring."""

    url: str = Field("", description="Redis URL; empty: an own Redis on a socket, started by `ivr up`")


class Speech(_Section):
    """The neutral voice of pre-roll, notice and confirmation."""

    engine: Literal["pico", "gtts", "recorded"] = Field(
        "pico",
        description="pico: offline; gtts: Google (the text leaves this machine); recorded: only studio recordings",
    )
    gtts_timeout_s: float = Field(10.0, gt=0, description="seconds to wait for Google's service")
    gtts_url: str = Field("", description="base URL in place of Google's own, for a proxy; empty: Google's")


class Message(_Section):
    """What a recording must be."""

    min_s: float = Field(3.0, gt=0, description="shortest message, seconds")
    max_s: float = Field(120.0, gt=0, description="longest message, seconds")
    max_bytes: int = Field(50_000_000, gt=0, description="largest file, bytes")
    approval: Literal["off", "one", "two"] = Field(
        "off", description="people who must approve a message before a campaign starts; the uploader may be one of them"
    )


class Lab(_Section):
    """The simulated carrier and electorate, on loopback only."""

    enabled: bool = Field(False, description="true: `ivr up` also starts the simulated carrier")
    sip_port: Port = Field(0, ge=0, le=65535, description="UDP port of the simulated carrier; 0: a free one")
    media_port: Port = Field(0, ge=0, le=65535, description="UDP port where the electorate hears; 0: a free one")


class Metrics(_Section):
    """What Prometheus reads: [monitoring](monitoring.md)."""

    enabled: bool = Field(False, description="true: `ivr up` also starts the process that Prometheus scrapes")
    bind: str = Field("127.0.0.1", description="address where /metrics is served; it has no password")
    port: Port = Field(9464, ge=0, le=65535, description="TCP port of /metrics; 0: a free one")


class Retention(_Section):
    """How long what is known of single people is kept."""

    listens_days: int = Field(
        30, ge=1, le=366, description="days after a call when what was heard in it is deleted; reports stay"
    )


class Settings(BaseSettings):
    """Every setting of one installation, checked; relative paths are relative to the settings file."""

    model_config = SettingsConfigDict(env_prefix="IVR_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Field(Path("."), description="folder of the settings file; relative paths start here")
    var: Path = Field(Path("var"), description="folder for database, sounds, logs and state")
    shared: str = Field(
        "", description="folder of sounds, recordings and keys that nodes of one installation share; empty: var"
    )
    cache: Path = Field(Path("~/.cache/portevoix"), description="per-user folder for programs unpacked at set-up")
    language: Literal["fr", "en"] = Field("fr", description="language of reports and spoken texts by default")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severity logged")
    workers_originate: int = Field(1, ge=0, le=32, description="RQ workers on queue `originate`")
    workers_record: int = Field(1, ge=0, le=32, description="RQ workers on queue `record`")
    workers_media: int = Field(1, ge=0, le=32, description="RQ workers on queue `media`, which prepare recordings")
    pbx: Pbx = Pbx()
    trunks: dict[str, Trunk] = Field(default_factory=dict, description="SIP carriers by name")
    calls: Calls = Calls()
    database: Database = Database()
    redis: Redis = Redis()
    speech: Speech = Speech()
    message: Message = Message()
    lab: Lab = Lab()
    metrics: Metrics = Metrics()
    retention: Retention = Retention()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings

    @property
    def var_dir(self) -> Path:
        """The var folder, absolute."""
        return (self.home / self.var.expanduser()).resolve()

    @property
    def cache_dir(self) -> Path:
        """The per-user cache folder, absolute."""
        return (self.home / self.cache.expanduser()).resolve()

    @property
    def sounds_dir(self) -> Path:
        """Where the telephone renderings are, named by hash."""
        return self.shared_dir / "sounds"

    @property
    def originals_dir(self) -> Path:
        """Where each recording that was accepted is kept as it came, named by its SHA-256; never played or served."""
        return self.shared_dir / "originals"

    @property
    def shared_dir(self) -> Path:
        """What every node of one installation reads, absolute: the var folder unless told otherwise."""
        return (self.home / Path(self.shared).expanduser()).resolve() if self.shared else self.var_dir

    def file(self, name: str) -> Path:
        """A file that a setting names, absolute."""
        return (self.home / Path(name).expanduser()).resolve()

    @property
    def suppression_key_file(self) -> Path:
        """The key without which nobody who asked to stop is recognised."""
        return self.shared_dir / "keys" / "suppression.key"

    @property
    def evidence_key_file(self) -> Path:
        """The key that signs evidence and certificates of deletion."""
        return self.shared_dir / "keys" / "evidence.key"

    @property
    def log_dir(self) -> Path:
        """Where every process writes its log."""
        return self.var_dir / "log"

    @property
    def state_dir(self) -> Path:
        """Where what the running processes were started with is written."""
        return self.var_dir / "run"

    @property
    def agi_pid_file(self) -> Path:
        """The process id of the AGI server, by which one that hangs is ended."""
        return self.state_dir / "agi.pid"

    @property
    def resolved_file(self) -> Path:
        """The settings with every port chosen, for the processes that `ivr up` starts."""
        return self.state_dir / "resolved.json"

    @property
    def run_dir(self) -> Path:
        """The private folder for sockets: in the var folder, or, where its path is too long for one, a short one.

        The short one is in the system's folder for temporary files, one per user and var folder.
        """
        if len(os.fsencode(self.state_dir)) <= LONGEST_RUN_DIR_BYTES:
            return self.state_dir
        digest = hashlib.sha256(str(self.var_dir).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"portevoix-{os.getuid()}-{digest}"

    @property
    def database_url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database.url or f"sqlite:///{self.var_dir / 'portevoix.db'}"

    @property
    def redis_url(self) -> str:
        """Redis' URL; our own listens on a socket only."""
        return self.redis.url or f"unix://{self.run_dir / 'redis.sock'}"


def load(file: Path | None = None) -> Settings:
    """The settings of `file`, else of $IVR_CONFIG, else of ./portevoix.toml if it exists, else the defaults.

    Raises BadSetting naming each setting that is unknown or has a value that cannot be used.
    """
    chosen = file or (Path(os.environ["IVR_CONFIG"]) if os.environ.get("IVR_CONFIG") else None)
    path = chosen or Path(FILE_NAME)
    if chosen and not path.is_file():
        raise BadSetting(f"settings file {path} does not exist")
    values = _read(path) if path.is_file() else {}
    values.setdefault("home", path.resolve().parent)
    _refuse_unknown_environment()
    try:
        return Settings(**values)
    except ValidationError as error:
        why = "; ".join(_explain(item) for item in error.errors())
        raise BadSetting(f"settings ({path}, environment): {why}") from None


def _read(path: Path) -> dict[str, Any]:
    """A TOML file, or the JSON file of resolved settings that `ivr up` writes for its processes."""
    try:
        text = path.read_text(encoding="utf-8")
        return dict(json.loads(text)) if path.suffix == ".json" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise BadSetting(f"{path}: cannot be read as settings: {error}") from None


def _explain(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"unknown setting {name} (`ivr settings` lists all)"
    if item["type"] == "value_error":  # a section whose settings do not fit together, and says which
        return f"setting {name}.{item['ctx']['error']}"
    return f"setting {name}: {item['msg']}"


def _refuse_unknown_environment() -> None:
    """An IVR_… variable that names no setting is an error, not a silent nothing."""
    for variable in os.environ:
        if not variable.startswith("IVR_") or variable in {"IVR_CONFIG", "IVR_HOME", "IVR_VAR"}:
            continue
        first, _, second = variable.removeprefix("IVR_").lower().partition("__")
        field = Settings.model_fields.get(first)
        section = getattr(field.annotation, "model_fields", None) if field else None
        if field is None or (second and section is not None and second.partition("__")[0] not in section):
            raise BadSetting(f"unknown setting {variable} in the environment (`ivr settings` lists all)")
