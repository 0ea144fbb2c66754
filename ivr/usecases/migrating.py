"""The tables: those of this version, brought to it only while no older Portevoix works on them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ivr.adapters.store import condition, tables
from ivr.adapters.store.condition import Contents, Server
from ivr.adapters.store.engine import Database, is_there
from ivr.errors import NotFound, Refused
from ivr.settings import Settings
from ivr.usecases import health


@dataclass(frozen=True, slots=True)
class TablesStatus:
    """What `ivr db status` tells. revision: None when there are no tables yet. contents: None when not of this version.

    others: the other processes of Portevoix on it.
    """

    url: str
    server: Server
    revision: str | None
    head: str
    contents: Contents | None
    others: list[str]

    @property
    def is_current(self) -> bool:
        """True when the tables are those of this version."""
        return self.revision == self.head


def status(settings: Settings) -> TablesStatus:
    """How the database stands; nothing is changed. NotFound when there is none yet."""
    if not is_there(settings.database_url):
        raise NotFound("there is no database yet; `ivr db migrate` makes it")
    with _opened(settings) as database:
        revision, head = tables.revision(database), tables.head(database)
        contents = condition.contents(database) if revision == head else None
        url, server = condition.shown_url(database), condition.server(database)
        return TablesStatus(url, server, revision, head, contents, condition.others(database))


def migrate(settings: Settings, anyway: bool = False) -> tuple[str | None, str]:
    """The tables are those of this version. Returns from which revision (None: there were none) to which.

    Refused while Portevoix works on older tables, which it would find changed under its hands, unless `anyway`.
    """
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    with _opened(settings) as database:
        return bring_up_to_date(database, settings, anyway)


def bring_up_to_date(database: Database, settings: Settings, anyway: bool = False) -> tuple[str | None, str]:
    """`migrate`, of a database that is open."""
    revision, head = tables.revision(database), tables.head(database)
    if revision == head:
        return revision, head
    if revision is not None and not anyway:
        _refuse_if_used(database, settings, revision, head)
    database.migrate()
    return revision, head


def _opened(settings: Settings) -> contextlib.closing[Database]:
    return contextlib.closing(Database(settings.database_url, settings.database.busy_timeout_s))


def _refuse_if_used(database: Database, settings: Settings, revision: str, head: str) -> None:
    older = f"the tables are of revision {revision}, this version's are {head}, and "
    if health.supervisor(settings).is_up():
        raise Refused(f"{older}Portevoix works on them here: `ivr down` first, then `ivr db migrate`, then `ivr up`")
    if others := condition.others(database):
        raise Refused(
            f"{older}Portevoix works on them: {', '.join(others)}; `ivr down` there first, or `ivr db migrate --anyway`"
        )
