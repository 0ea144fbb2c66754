"""The store: what is true, in SQL (SQLAlchemy 2)."""

from __future__ import annotations

from ivr.adapters.store import pulse
from ivr.adapters.store.attempts import Attempts
from ivr.adapters.store.audiences import Audiences
from ivr.adapters.store.audit import Audit
from ivr.adapters.store.callbacks import Callbacks
from ivr.adapters.store.campaigns import Campaigns
from ivr.adapters.store.consents import Consents
from ivr.adapters.store.contacts import Contacts
from ivr.adapters.store.decisions import Decisions
from ivr.adapters.store.deletions import Deletions
from ivr.adapters.store.engine import Database
from ivr.adapters.store.forgetting import Forgetting
from ivr.adapters.store.grants import Grants
from ivr.adapters.store.halts import Halts
from ivr.adapters.store.journal import Journal
from ivr.adapters.store.lending import Lending
from ivr.adapters.store.limits import Limits
from ivr.adapters.store.listens import Listens
from ivr.adapters.store.messages import Messages
from ivr.adapters.store.money import Money
from ivr.adapters.store.pbxs import Pbxs
from ivr.adapters.store.persons import Persons
from ivr.adapters.store.pulse import Pulse
from ivr.adapters.store.refusals import Refusals
from ivr.adapters.store.reviews import Reviews
from ivr.adapters.store.sponsors import Sponsors
from ivr.adapters.store.suppressions import Suppressions, load_key
from ivr.adapters.store.tallies import Tallies
from ivr.adapters.store.users import Users
from ivr.settings import Settings

__all__ = [
    "Attempts",
    "Audit",
    "Campaigns",
    "Contacts",
    "Halts",
    "Listens",
    "Messages",
    "Pulse",
    "Store",
    "Suppressions",
]


class Store:
    """Everything that is kept, by noun."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url, settings.database.busy_timeout_s)
        self.contacts = Contacts(self.database)
        self.audiences = Audiences(self.database)
        self.messages = Messages(self.database)
        self.campaigns = Campaigns(self.database)
        self.callbacks = Callbacks(self.database)
        self.suppressions = Suppressions(self.database, load_key(settings.suppression_key_file))
        self.consents = Consents(self.database, self.suppressions)
        self.grants = Grants(self.database)
        self.journal = Journal(self.database)
        self.persons = Persons(self.database, self.suppressions, self.consents)
        self.decisions = Decisions(self.database)
        self.deletions = Deletions(self.database, self.suppressions)
        self.refusals = Refusals(self.database)
        self.reviews = Reviews(self.database)
        self.sponsors = Sponsors(self.database)
        self.halts = Halts(self.database)
        self.attempts = Attempts(self.database, self.suppressions)
        self.pbxs = Pbxs(self.database)
        self.limits = Limits(self.database)
        self.money = Money(self.database)
        self.audit = Audit(self.database)
        self.lending = Lending(self.database)
        self.listens = Listens(self.database)
        self.forgetting = Forgetting(self.database)
        self.tallies = Tallies(self.database)
        self.users = Users(self.database)

    def migrate(self) -> None:
        """The tables are those of this version."""
        self.database.migrate()

    def pulse(self, now_ms: int, released_since_ms: int) -> Pulse:
        """What a controller asks twice a second. Releases asked for before the second instant concern nobody now."""
        return pulse.take(self.database, now_ms, released_since_ms)

    def close(self) -> None:
        """No connection is left open."""
        self.database.close()
