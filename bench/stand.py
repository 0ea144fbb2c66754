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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from far_end import Ended, FarEnd

from ivr.adapters import sound
from ivr.adapters.pbx import instance, render
from ivr.adapters.sound import Pcm, Rendering
from ivr.adapters.store import Store
from ivr.adapters.store.contacts import FileOrigin
from ivr.rules.records import Campaign, Message
from ivr.rules.segments import Segment
from ivr.settings import Settings, load
from ivr.usecases import campaigns, health, running

BARE_CONTEXT = "bench-bare"
TRUNK = "lab"
SETTINGS = """\
var = "."
[pbx]
sip_port = 0
ami_port = 0
agi_port = 0
channels = {channels}
[calls]
ring_timeout_s = 10
grace_s = 0
[trunks.lab]
host = "127.0.0.1:{far_end}"
rate_cps = 1000
channels = {channels}
"""
ONE_SECOND_MS = {Segment.PREROLL: 240, Segment.MESSAGE: 520, Segment.NOTICE: 240, Segment.CONFIRMATION: 240}
FIFTY_FIVE_SECONDS_MS = {
    Segment.PREROLL: 8_000,
    Segment.MESSAGE: 32_000,
    Segment.NOTICE: 15_000,
    Segment.CONFIRMATION: 3_000,
}


@dataclass(frozen=True)
class Window:
    """What happened between two moments: the calls that ended, and CPU seconds by part."""

    seconds: float
    ended: list[Ended]
    cpu_s: dict[str, float]

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


def added(windows: list[Window]) -> Window:
    """Several windows as one."""
    parts = {part for window in windows for part in window.cpu_s}
    return Window(
        sum(window.seconds for window in windows),
        [call for window in windows for call in window.ended],
        {part: sum(window.cpu_s.get(part, 0.0) for window in windows) for part in parts},
    )


OURS = ("controller", "agi", "originate", "record", "supervisor", "redis")


@dataclass
class Stand:
    """Everything is up. `lengths_ms`: what each call plays; `channels`: calls at once, at most."""

    settings: Settings
    store: Store
    far_end: FarEnd
    sounds: dict[Segment, Rendering]
    _made: int = field(default=0)

    def campaign(self, people: int, rate_cps: float) -> Campaign:
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
            "trunks": [TRUNK],
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
    def ours(self, people: int, rate_cps: float = 1000.0) -> Iterator[Campaign]:
        """Portevoix calls these people; afterwards nobody is on the line."""
        campaign = self.campaign(people, rate_cps)
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

    def wait_quiet(self, limit_s: float = 90.0) -> None:
        """Nobody is on the line any more."""
        wait_for(lambda: health.channels(self.settings) == 0, "the end of the calls", limit_s)

    def watch(self, seconds: float, calls: int = 0) -> Window:
        """Looks for so many seconds, or, if `calls` is given, until so many have ended."""
        self.far_end.ended()  # what ended before is not in the window
        before, begun_s = self._cpu_s(), time.monotonic()
        ended: list[Ended] = []
        while time.monotonic() - begun_s < seconds and not (calls and len(ended) >= calls):
            time.sleep(0.2)
            ended += self.far_end.ended()
        after, took_s = self._cpu_s(), time.monotonic() - begun_s
        ended += self.far_end.ended()
        return Window(took_s, ended, {part: after[part] - before.get(part, 0.0) for part in after})

    def _cpu_s(self) -> dict[str, float]:
        """CPU seconds spent so far, by part; the workers by queue."""
        pids = {state.name: state.pid for state in health.supervisor(self.settings).states()}
        pids["supervisor"] = int((self.settings.state_dir / "supervisord.pid").read_text())
        spent: dict[str, float] = {}
        for name, pid in pids.items():
            part = name.split("-")[0]
            times = psutil.Process(pid).cpu_times() if pid else None
            spent[part] = spent.get(part, 0.0) + (times.user + times.system if times else 0.0)
        return spent


def wait_for(true: Callable[[], object], what: str, limit_s: float) -> None:
    """`true()` holds; TimeoutError saying `what` did not come."""
    limit = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} did not come within {limit_s:g} s")
        time.sleep(0.05)


@contextlib.contextmanager
def stand(lengths_ms: dict[Segment, int], channels: int, listening: bool = False) -> Iterator[Stand]:
    """A stand in a folder of its own; afterwards nothing runs and nothing is left. listening: the far end has ears."""
    folder = Path(tempfile.mkdtemp(prefix="portevoix-bench-"))
    try:
        with FarEnd.open(folder / "far-end", listening) as far_end:
            text = SETTINGS.format(channels=channels, far_end=far_end.sip_port)
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
            _add_bare_context(settings, sounds)
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


def _add_bare_context(settings: Settings, sounds: dict[Segment, Rendering]) -> None:
    """The same sounds in the same order, played by the dialplan alone."""
    played = (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE)
    files = "&".join(str(settings.sounds_dir / sounds[segment].sound) for segment in played)
    text = f"[{BARE_CONTEXT}]\nexten => s,1,Playback({files})\n same => n,Hangup()\n"
    (render.state_dir(settings) / "etc/dialplans/bench.conf").write_text(text, encoding="utf-8")
    instance.cli(settings, "dialplan reload")
    wait_for(lambda: "Playback" in instance.cli(settings, f"dialplan show {BARE_CONTEXT}"), "the bare context", 10)


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
