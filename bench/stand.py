"""The stand of the bench: a whole installation in a temporary folder, and a far end that answers everybody at once.

Our own calls and the bare ones go through the same Asterisk process, one after the other, so that no slot is better
than another. While bare calls are made, our controller is stopped: then nobody but the flood speaks AMI.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bare
import cores
import numpy as np
from bare import TRUNK, Bare, CallFiles, Flood, Pace
from far_end import Ended, FarEnd

from ivr.adapters import sound
from ivr.adapters.sound import Pcm, Rendering
from ivr.adapters.store import Store
from ivr.adapters.store.contacts import FileOrigin
from ivr.rules.records import Campaign, Message
from ivr.rules.segments import Segment
from ivr.settings import Settings, load
from ivr.usecases import campaigns, health, running

SETTINGS = """\
var = "."
[pbx]
sip_port = 0
ami_port = 0
agi_port = 0
channels = {channels}
[calls]
pause_above_alarm = false
ring_timeout_s = 10
grace_s = 0
[trunks.lab]
host = "127.0.0.1:{far_end}"
rate_cps = {rate_cps}
channels = {channels}
ramp_s = 0
"""
ONE_SECOND_MS = {Segment.PREROLL: 240, Segment.MESSAGE: 520, Segment.NOTICE: 240, Segment.CONFIRMATION: 240}
FIFTY_FIVE_SECONDS_MS = {
    Segment.PREROLL: 8_000,
    Segment.MESSAGE: 32_000,
    Segment.NOTICE: 15_000,
    Segment.CONFIRMATION: 3_000,
}


NEAR_MS = 100
"""Listens are within this of what was heard."""


NOT_OURS = frozenset({"asterisk", "far_end"})


@dataclass(frozen=True)
class Window:
    """What happened between two moments: the calls that ended, CPU seconds by part, and how busy the cores were.

    busy: of Asterisk's own cores and of the others, where these are set apart; of all, otherwise (both the same).
    """

    seconds: float
    ended: list[Ended]
    cpu_s: dict[str, float]
    busy: tuple[float, float] = (0.0, 0.0)

    @property
    def rate_cps(self) -> float:
        """Calls completed per second."""
        return len(self.ended) / self.seconds

    @property
    def talk_s(self) -> float:
        """How long a call lasted, median, as the far end saw it."""
        return statistics.median([call.talk_s for call in self.ended] or [0.0])

    def cpu_ms_per_call(self, *parts: str) -> float:
        """CPU milliseconds of these parts for each call that ended."""
        return 1000 * sum(self.cpu_s.get(part, 0.0) for part in parts) / max(1, len(self.ended))

    def ours_ms_per_call(self) -> float:
        """The same of everything but Asterisk and the far end."""
        return self.cpu_ms_per_call(*(set(self.cpu_s) - NOT_OURS))


def added(windows: list[Window]) -> Window:
    """Several windows as one."""
    parts = {part for window in windows for part in window.cpu_s}
    return Window(
        sum(window.seconds for window in windows),
        [call for window in windows for call in window.ended],
        {part: sum(window.cpu_s.get(part, 0.0) for window in windows) for part in parts},
    )


OURS = ("controller", "agi", "originate", "record", "supervisor", "redis")
"""The parts that have to do with calls; whatever else runs counts as ours too."""
BARE, CALL_FILES, PLAYBACK = "bare", "call_files", "playback"
"""Without us: `bare.Flood` to the same effect as ours, `bare.CallFiles` to the same, `bare.Flood` that only plays."""


@dataclass
class Stand:
    """Everything is up. `lengths_ms`: what each call plays; `channels`: calls at once, at most."""

    settings: Settings
    store: Store
    far_end: FarEnd
    sounds: dict[Segment, Rendering]
    _made: int = field(default=0)

    def campaign(self, people: int, rate_cps: float, trunks: Sequence[str]) -> Campaign:
        """A campaign of so many new people, not started."""
        self._made += 1
        name = f"bench-{self._made}"
        numbers = ((f"+336{self._made:02d}{index:06d}", "mobile") for index in range(people))
        origin = FileOrigin(name, f"{name}.csv", f"{self._made:064d}")
        batch = self.store.contacts.import_batch(origin, numbers, lambda: 0, 1)
        heard = self.sounds[Segment.MESSAGE]
        message = self.store.messages.add(Message(0, name, heard.sound, heard.length_ms, "bench", "0" * 64), 1)
        values = {
            "name": name,
            "message_id": message.id,
            "batch_id": batch.id,
            "language": "fr",
            "trunks": list(trunks),
            "rate_cps": rate_cps,
            "hours": "00:00-24:00",
            "timezone": "Europe/Paris",
            "texts": {},
            "created_at_ms": campaigns.now_ms(),
        }
        for segment in (Segment.PREROLL, Segment.NOTICE, Segment.CONFIRMATION):
            rendering = self.sounds[segment]
            values |= {segment.value: rendering.sound, f"{segment.value}_ms": rendering.length_ms}
        return self.store.campaigns.create(values, "bench")

    @contextlib.contextmanager
    def ours(self, people: int, rate_cps: float = 1000.0, trunks: Sequence[str] = (TRUNK,)) -> Iterator[Campaign]:
        """Portevoix calls these people; afterwards nobody is on the line."""
        campaign = self.campaign(people, rate_cps, trunks)
        campaigns.start(self.store, self.settings, campaign.name)
        try:
            yield campaign
        finally:
            if self.store.campaigns.named(campaign.name).state == "running":
                campaigns.stop(self.store, campaign.name)
            self.wait_quiet()

    @contextlib.contextmanager
    def without_us(self) -> Iterator[None]:
        """Our controller is stopped, and runs again afterwards."""
        boss = health.supervisor(self.settings)
        boss.stop_process("controller")
        try:
            yield
        finally:
            self.wait_quiet()
            boss._call("supervisor.startProcess", "controller")
            wait_for(lambda: all(part.works for part in health.status(self.settings)), "the controller", 20)

    @contextlib.contextmanager
    def bare(self, who: str, pace: Pace) -> Iterator[Bare]:
        """Calls are made in that way, our controller being stopped; afterwards nobody is on the line."""
        context = {"context": bare.PLAYBACK} if who == PLAYBACK else {}
        kind = CallFiles if who == CALL_FILES else Flood
        with kind(self.settings, pace, self.sounds, **context) as caller:
            yield caller
        self.wait_quiet()

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Asterisk has its own cores, everything else the others."""
        pids = self._pids()
        asterisk = pids.pop("asterisk")
        with cores.apart(asterisk, pids.values()):
            yield

    def can_be_apart(self) -> bool:
        """The machine has more than one core."""
        return bool(cores.REST)

    def set_channels(self, channels: int) -> None:
        """Our controller, from its next start on, has so many calls at once at most."""
        fewer = {"channels": channels}
        pbx, trunk = self.settings.pbx.model_copy(update=fewer), self.settings.trunks[TRUNK].model_copy(update=fewer)
        settings = self.settings.model_copy(update={"pbx": pbx, "trunks": {TRUNK: trunk}})
        settings.resolved_file.write_text(settings.model_dump_json(), encoding="utf-8")

    def heard_whole(self, campaign: Campaign) -> float:
        """Of the campaign's answered calls, the share whose three sounds were heard to the end, by its listens."""
        heard = {
            f"{part.value}_ms": self.sounds[part].length_ms
            for part in FIFTY_FIVE_SECONDS_MS
            if part != Segment.CONFIRMATION
        }
        whole = " AND ".join(f"listens.{name} >= {length_ms - NEAR_MS}" for name, length_ms in heard.items())
        self._wait_recorded(campaign)
        ask = (
            f"SELECT count(*), sum(CASE WHEN {whole} THEN 1 ELSE 0 END) FROM attempts LEFT JOIN listens "  # noqa: S608
            f"ON listens.attempt_id = attempts.id WHERE attempts.campaign_id = {campaign.id} AND outcome = 'answered'"
        )
        with self.store.database.read() as connection:
            answered, heard_to_end = connection.exec_driver_sql(ask).one()
        return float((heard_to_end or 0) / max(1, answered))

    def _wait_recorded(self, campaign: Campaign) -> None:
        """The end of each of the campaign's calls is in the books; its listen came before it."""
        ask = f"SELECT count(*) FROM attempts WHERE campaign_id = {campaign.id} AND state IN ('dialing', 'answered')"  # noqa: S608

        def open_ones() -> int:
            with self.store.database.read() as connection:
                return int(connection.exec_driver_sql(ask).scalar_one())

        wait_for(lambda: open_ones() == 0, "the record of the calls", 30)

    def wait_quiet(self, limit_s: float = 90.0) -> None:
        """Nobody is on the line any more."""
        wait_for(lambda: health.channels(self.settings) == 0, "the end of the calls", limit_s)

    def watch(self, seconds: float, calls: int = 0) -> Window:
        """Looks for so many seconds, or, if `calls` is given, until so many have ended."""
        self.far_end.ended()  # what ended before is not in the window
        halves = (cores.OWN, cores.REST)
        before, busy, begun_s = self._cpu_s(), [cores.busy_s(half) for half in halves], time.monotonic()
        ended: list[Ended] = []
        while time.monotonic() - begun_s < seconds and not (calls and len(ended) >= calls):
            time.sleep(0.2)
            ended += self.far_end.ended()
        after, took_s = self._cpu_s(), time.monotonic() - begun_s
        spent_s = [cores.busy_s(half) - was for half, was in zip(halves, busy, strict=True)]
        own, rest = (spent / took_s / max(1, len(half)) for half, spent in zip(halves, spent_s, strict=True))
        ended += self.far_end.ended()
        spent = {part: after[part] - before.get(part, 0.0) for part in after}
        return Window(took_s, ended, spent, (own, rest))

    def _pids(self) -> dict[str, int]:
        pids = {state.name: state.pid for state in health.supervisor(self.settings).states() if state.pid}
        pids["supervisor"] = int((self.settings.state_dir / "supervisord.pid").read_text())
        return pids | {"far_end": self.far_end.pid}

    def _cpu_s(self) -> dict[str, float]:
        """CPU seconds spent so far, by part; the workers by queue."""
        spent: dict[str, float] = {}
        for name, pid in self._pids().items():
            part = name.split("-")[0]
            own = cores.own_cpu_s(pid) if part == "supervisor" else cores.cpu_s(pid)
            spent[part] = spent.get(part, 0.0) + own
        return spent


def wait_for(true: Callable[[], object], what: str, limit_s: float) -> None:
    """`true()` holds; TimeoutError saying `what` did not come."""
    limit = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} did not come within {limit_s:g} s")
        time.sleep(0.05)


@contextlib.contextmanager
def stand(
    lengths_ms: dict[Segment, int], channels: int, listening: bool = False, rate_cps: float = 1000, more: str = ""
) -> Iterator[Stand]:
    """A stand in a folder of its own; afterwards nothing runs and nothing is left.

    listening: the far end has ears; rate_cps: the trunk's; more: other settings, `{far_end}` being its port.
    """
    folder = Path(tempfile.mkdtemp(prefix="portevoix-bench-"))
    try:
        with FarEnd.open(folder / "far-end", listening) as far_end:
            text = (SETTINGS + more).format(channels=channels, far_end=far_end.sip_port, rate_cps=rate_cps)
            (folder / "portevoix.toml").write_text(text, encoding="utf-8")
            settings = load(folder / "portevoix.toml")
            draw = np.random.default_rng(1)
            sounds = {
                segment: sound.render(
                    Pcm(draw.normal(0, 0.2, 8 * length_ms).astype(np.float32), 8000), settings.sounds_dir
                )
                for segment, length_ms in lengths_ms.items()
            }
            running.up(settings, lambda _: None)
            settings = Settings.model_validate_json(settings.resolved_file.read_text(encoding="utf-8"))
            bare.add_dialplan(settings)
            store = Store(settings)
            try:
                yield Stand(settings, store, far_end, sounds)
            finally:
                store.close()
                running.down_if_up(settings)
    finally:
        if os.environ.get("BENCH_KEEP"):
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "",
    )
    busy = [round(load, 2) for load in os.getloadavg()]
    return {"cores": os.cpu_count(), "cpu": model or os.uname().machine, "load_average_before": busy}


def commit() -> str:
    """The checkout's commit, "" where there is none."""
    root = Path(__file__).resolve().parents[1]
    told = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip()
