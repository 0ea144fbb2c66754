"""A whole installation of our own for one module of tests: real processes, invented people, short sounds."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ivr.adapters import sound
from ivr.adapters.carrier import files
from ivr.adapters.carrier.calllog import CallLog
from ivr.adapters.sound import Pcm, Rendering
from ivr.adapters.store import Store
from ivr.rules.electorate import NUMBERS_PER_RANGE, TERRITORIES, Person, as_drawn
from ivr.rules.records import Books, Campaign, Message
from ivr.rules.segments import CallResult, Segment
from ivr.rules.states import CampaignState
from ivr.rules.truth import ENDINGS, CallEvent, Seen, TruthRow
from ivr.settings import Settings, load
from ivr.usecases import campaigns, contacts, health, lab, lab_check, running

LENGTHS_MS = {Segment.PREROLL: 900, Segment.MESSAGE: 2400, Segment.NOTICE: 1400, Segment.CONFIRMATION: 700}
SETTINGS = """\
var = "."
[pbx]
sip_port = 0
ami_port = 0
agi_port = 0
rtp_first = {rtp}
rtp_last = {rtp_last}
[calls]
pause_above_alarm = false
ring_timeout_s = 4
grace_s = 0.6
[database]
busy_timeout_s = 1
[lab]
enabled = true
[trunks.lab]
host = "127.0.0.1:0"
rate_cps = 10
channels = 200
ramp_s = 0
caller_id = "+33199000000"
"""


def wait_for(true: Callable[[], object], what: str, limit_s: float = 30.0) -> None:
    """`true()` holds; else the test fails saying `what` did not come."""
    limit = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < limit, f"{what} did not come within {limit_s:g} s"
        time.sleep(0.02)


@dataclass
class Line:
    """The carrier's present view: how often each person was called, who rings, who is on the line."""

    called: dict[int, int] = field(default_factory=dict)
    ringing: set[int] = field(default_factory=set)
    talking: set[int] = field(default_factory=set)
    invited_ms: list[float] = field(default_factory=list)
    most_at_once: int = 0

    def note(self, event: CallEvent) -> None:
        if event.person is None:
            return
        if event.seen is Seen.INVITE:
            self.called[event.person] = self.called.get(event.person, 0) + 1
            self.ringing.add(event.person)
            self.invited_ms.append(event.at_ms)
            self.most_at_once = max(self.most_at_once, len(self.ringing | self.talking))
        elif event.seen is Seen.ACK:
            self.ringing.discard(event.person)
            self.talking.add(event.person)
        elif event.seen in ENDINGS:
            self.ringing.discard(event.person)
            self.talking.discard(event.person)

    def strand(self, people: set[int]) -> None:
        """Their calls are over for everybody but the carrier: whoever made them is dead. Counting begins anew."""
        self.ringing -= people
        self.talking -= people
        self.most_at_once = 0


@dataclass
class Verdict:
    """A campaign at its end: books, results and truth, person by person."""

    campaign: Campaign
    books: Books
    check: lab_check.Check
    pairs: list[tuple[TruthRow, CallResult]]
    stopped: set[str]

    def measured_by(self, who: str) -> list[tuple[TruthRow, CallResult]]:
        return [(row, result) for row, result in self.pairs if result.listen and who in result.listen.measured_by]

    def outcomes(self, outcome: str) -> list[tuple[TruthRow, CallResult]]:
        return [(row, result) for row, result in self.pairs if result.outcome == outcome]

    def errors_ms(self, segment: Segment) -> dict[str, int]:
        """By number's end: what the books say was heard of the segment, less what the person's side received."""
        return {
            f"{row.number[-4:]} {row.plan}": result.listen.heard_ms(segment) - row.heard_ms[segment]
            for row, result in self.pairs
            if row.answered and result.listen and result.listen.measured_by != "none"
        }

    def greatest_error_ms(self) -> int:
        return max((abs(error) for segment in Segment for error in self.errors_ms(segment).values()), default=0)


@dataclass
class Stack:
    """Everything of one folder, up. `line` is what the carrier sees of the people planned last."""

    settings: Settings
    store: Store
    sounds: dict[Segment, Rendering]
    _people: int = 0
    _logs: dict[Path, CallLog] = field(default_factory=dict)
    _line: Line = field(default_factory=Line)

    def restart(self) -> None:
        """As `ivr up` after whatever happened."""
        running.up(self.settings, lambda _: None)

    def pid(self, name: str) -> int:
        states = {state.name: state for state in health.supervisor(self.settings).states()}
        return states[name].pid if states[name].state in {"running", "starting"} else 0

    def kill(self, name: str) -> None:
        """Kill -9, and the supervisor's new process is another one."""
        pid = self.pid(name)
        assert pid, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.pid(name) not in {0, pid}, f"another {name}", 15)

    def hang_up_everybody(self) -> None:
        """The carrier cuts the calls whose other end has died; what was heard in them is in the truth."""
        pid = self.pid("carrier")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: self.pid("carrier") not in {0, pid}, "another carrier", 15)
        lab.wait_ready(self.settings)

    @contextlib.contextmanager
    def database_locked(self, patience_s: float = 5.0) -> Iterator[None]:
        """Somebody else has the write lock. OperationalError if it is not to be had in that time."""
        file = self.settings.var_dir / "portevoix.db"
        with contextlib.closing(sqlite3.connect(file, patience_s, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    def hold(self, name: str, held: bool = True) -> None:
        """The process stands still, or goes on."""
        os.kill(self.pid(name), signal.SIGSTOP if held else signal.SIGCONT)

    def hold_without_lock(self, name: str) -> None:
        """The process stands still, and not in a transaction: others can have the database."""

        def held() -> bool:
            self.hold(name)
            try:
                with self.database_locked(1.0):
                    return True
            except sqlite3.OperationalError:
                self.hold(name, held=False)
                return False

        wait_for(held, f"{name} standing still outside a transaction")

    def end(self, name: str) -> None:
        """The process is stopped, and stays so until `begin`."""
        health.supervisor(self.settings)._call("supervisor.stopProcess", name)

    def begin(self, name: str) -> None:
        """A process that was stopped through the supervisor runs again."""
        health.supervisor(self.settings)._call("supervisor.startProcess", name)

    def kill_all(self) -> None:
        """Kill -9 of the supervisor and of everything that it keeps, but for the carrier's own people."""
        states = health.supervisor(self.settings).states()
        boss = int((self.settings.state_dir / "supervisord.pid").read_text())
        for pid in (boss, *(state.pid for state in states if state.name != "carrier" and state.pid)):
            os.kill(pid, signal.SIGKILL)
        carrier = next(state.pid for state in states if state.name == "carrier")
        os.kill(carrier, signal.SIGTERM)  # it writes what its people heard; the next one knows of their calls
        wait_for(lambda: not any(alive(state.pid) for state in states) and not alive(boss), "the end of all", 15)

    def new_numbers(self, count: int) -> list[tuple[int, str]]:
        """Index within a campaign and a number that no other campaign of this stack has."""
        first, self._people = self._people, self._people + count
        ranges = list(TERRITORIES)
        places = [divmod(first + index, NUMBERS_PER_RANGE) for index in range(count)]
        return [(index, f"{ranges[some]}{digits:04d}") for index, (some, digits) in enumerate(places)]

    def campaign(self, name: str, people: list[Person], sponsor: str = "", **values: Any) -> Campaign:
        """A draft to exactly these people, for whom the carrier is ready."""
        path = self.settings.var_dir / f"{name}.csv"
        files.write_contacts(path, people)
        made = self.draft(name, path, sponsor, **values)
        played = {segment: rendering.sound for segment, rendering in self.sounds.items()}
        lab.set_sounds(self.settings, played, [version.sound.sound for version in made.versions])
        versions = lab.drawn(self.store, made, [person.number for person in people])
        lab.plan_people(self.settings, as_drawn([people] * max(1, len(made.versions)), versions))
        self._logs, self._line = {}, Line()
        lab.wait_ready(self.settings)
        return made

    def message(self, name: str, rendering: Rendering) -> Message:
        """That rendering, kept as a message."""
        fresh = Message(0, name, rendering.sound, rendering.length_ms, "test", "0" * 64)
        return self.store.messages.add(fresh, campaigns.now_ms())

    def draft(
        self, name: str, people: Path, sponsor: str = "", versions: Sequence[Rendering] = (), **values: Any
    ) -> Campaign:
        """A draft to the people of that file. versions: of the message, beside the first one, in equal shares."""
        batch = contacts.import_file(self.store, self.settings, people, name).batch
        heard = [self.message(name, self.sounds[Segment.MESSAGE])]
        heard += [self.message(f"{name} {number}", one) for number, one in enumerate(versions, 1)]
        draft = {
            "name": name,
            "message_id": heard[0].id,
            "batch_id": batch.id,
            "language": "fr",
            "trunks": ["lab"],
            "rate_cps": self.settings.trunks["lab"].rate_cps,
            "hours": "00:00-24:00",
            "timezone": "Europe/Paris",
            "texts": {},
            "created_at_ms": campaigns.now_ms(),
        }
        for segment in (Segment.PREROLL, Segment.NOTICE, Segment.CONFIRMATION):
            draft |= {segment.value: self.sounds[segment].sound, f"{segment}_ms": self.sounds[segment].length_ms}
        shares = [(one.id, 1 / len(heard)) for one in heard] if versions else []
        return self.store.campaigns.create(draft | values, sponsor or f"sponsor of {name}", shares)

    def start(self, name: str, people: list[Person], sponsor: str = "", **values: Any) -> Campaign:
        """That campaign runs."""
        return campaigns.start(self.store, self.settings, self.campaign(name, people, sponsor, **values).name)

    def invited_ms(self) -> dict[int, list[float]]:
        """By person, when the carrier was asked to call."""
        seen: dict[int, list[float]] = {}
        for path in sorted(lab.lab_dir(self.settings).glob("calls-*.log")):
            for event in CallLog(path).read():
                if event.seen is Seen.INVITE and event.person is not None:
                    seen.setdefault(event.person, []).append(event.at_ms)
        return seen

    @property
    def line(self) -> Line:
        for path in sorted(lab.lab_dir(self.settings).glob("calls-*.log")):
            if path not in self._logs:  # a new carrier: the calls of the one before it are cut
                self._logs[path] = CallLog(path)
                self._line.ringing, self._line.talking = set(), set()
            for event in self._logs[path].read():
                self._line.note(event)
        return self._line

    def wait_talking(self, count: int) -> None:
        wait_for(lambda: len(self.line.talking) >= count, f"{count} people on the line")

    def wait_called(self, count: int) -> None:
        wait_for(lambda: len(self.line.called) >= count, f"{count} calls")

    def state(self, campaign: Campaign) -> CampaignState:
        return self.store.campaigns.named(campaign.name).state

    def finished(self, campaign: Campaign, limit_s: float = 40.0) -> Verdict:
        """The campaign has finished; its verdict."""
        wait_for(lambda: self.state(campaign) is CampaignState.FINISHED, self._unfinished(campaign), limit_s)
        return self.verdict(campaign)

    def verdict(self, campaign: Campaign) -> Verdict:
        wait_for(lambda: not self.line.talking, "the end of the calls")
        check = lab_check.check_campaign(self.store, self.settings, campaign.name)
        rows = {row.number: row for row in lab.truth(self.settings)}
        books, results = self.store.listens.snapshot(campaign.id)
        stopped = self.store.suppressions.blocked_among(list(rows), campaign.sponsor_id)
        pairs = [(rows[result.number], result) for result in results]
        return Verdict(self.store.campaigns.named(campaign.name), books, check, pairs, stopped)

    def _unfinished(self, campaign: Campaign) -> str:
        return f"the end of campaign {campaign.name} (logs: {self.settings.log_dir})"


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second when it ends between opening and reading
        return False


def rendered(settings: Settings, lengths_ms: Mapping[Segment, int]) -> dict[Segment, Rendering]:
    """Short sounds that are told apart at any place: noise of fixed seeds."""
    draw = np.random.default_rng(1)
    return {
        segment: sound.render(Pcm(draw.normal(0, 0.2, 8 * length_ms).astype(np.float32), 8000), settings.sounds_dir)
        for segment, length_ms in lengths_ms.items()
    }


def worst_second(invited_ms: list[float]) -> int:
    """The most calls that reached the far end in any rolling second."""
    ordered = sorted(invited_ms)
    return max((sum(1 for later in ordered if at <= later < at + 1000) for at in ordered), default=0)


@contextlib.contextmanager
def running_stack(
    folder: Path,
    more: str = "",
    *,
    text: str = SETTINGS,
    lengths_ms: Mapping[Segment, int] = MappingProxyType(LENGTHS_MS),
) -> Iterator[Stack]:
    """Everything runs in `folder`; afterwards nothing does. text: the settings, more: what comes on top of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rtp = 20000 + os.getpid() % 40 * 1000
    (folder / "portevoix.toml").write_text(text.format(rtp=rtp, rtp_last=rtp + 998) + more, encoding="utf-8")
    settings = load(folder / "portevoix.toml")
    sounds = rendered(settings, lengths_ms)
    running.up(settings, lambda _: None)
    store = Store(settings)
    try:
        yield Stack(settings, store, sounds)
    finally:
        store.close()
        pids = [state.pid for state in health.supervisor(settings).states()] if _is_up(settings) else []
        running.down_if_up(settings)
        wait_for(lambda: not any(alive(pid) for pid in pids if pid), "the end of every process", 20)


def _is_up(settings: Settings) -> bool:
    return health.supervisor(settings).is_up()
