"""The carrier's two processes: SIPp, which answers, and the media process, which hears."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ivr.adapters.carrier import scenario
from ivr.adapters.carrier.calllog import CallLog
from ivr.adapters.carrier.files import read_people
from ivr.adapters.carrier.orders import PEOPLE, Orders, read_hearings
from ivr.adapters.pbx.programs import Program
from ivr.errors import PortInUse, SetUpFailed
from ivr.rules.segments import Segment
from ivr.rules.truth import CallEvent, TruthRow, assemble

HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the ears are all of 127.0.0.0/8; what is not for loopback is dropped
START_LIMIT_S = 10.0
STOP_LIMIT_S = 3.0


@dataclass(frozen=True)
class Ports:
    """The UDP ports of the carrier: SIP, and the sound of all its people."""

    sip: int
    media: int


def free_port() -> int:
    """A UDP port that nobody has on any address at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((EVERYWHERE, 0))
        return int(one.getsockname()[1])


class Carrier:
    """The simulated carrier for the people of FOLDER/people.csv; all its files are in FOLDER.

    The calls of its earlier runs with the same FOLDER stay on the books: a restart forgets no INVITE. versions: the
    message of each, when there are several.
    """

    def __init__(
        self,
        folder: Path,
        program: Program,
        ports: Ports,
        sounds: Mapping[Segment, Path],
        versions: Sequence[Path] = (),
    ) -> None:
        self._folder = folder
        self._program = program
        self._ports = ports
        self._processes: list[subprocess.Popen[bytes]] = []
        self._people = read_people(folder / PEOPLE)
        self._runs = [int(path.stem.partition("-")[2]) for path in folder.glob("calls-*.log")]
        self._orders = Orders(
            ports.media,
            {segment: str(path) for segment, path in sounds.items()},
            max(self._runs, default=0) + 1,
            [str(path) for path in versions],
        )
        self._log = CallLog(folder / self._orders.log)
        self._events: list[CallEvent] = []
        self._heard_bytes = 0

    def start(self) -> None:
        """The carrier takes calls and hears. Raises PortInUse, or SetUpFailed with what the process said."""
        _require_free("lab.sip_port", self._ports.sip, HOST)
        _require_free("lab.media_port", self._ports.media, EVERYWHERE)
        earlier = [replace(self._orders, run=run) for run in sorted(self._runs)]
        self._events = [event for orders in earlier for event in CallLog(self._folder / orders.log).read()]
        scenario.write(self._folder, self._people, self._ports.media)
        self._orders.write(self._folder)
        media = [sys.executable, "-m", "ivr.adapters.carrier.media", str(self._folder)]
        self._launch("media", media)
        self._launch("sipp", self._program.argv(*self._arguments()))
        self._wait_until_open()

    def alive(self) -> bool:
        """Whether both processes run."""
        return len(self._processes) == 2 and all(process.poll() is None for process in self._processes)

    def truth(self) -> list[TruthRow]:
        """The truth as known now; complete after `stop`."""
        self._events += self._log.read()
        runs = (replace(self._orders, run=run) for run in (*self._runs, self._orders.run))
        hearings = [hearing for orders in runs for hearing in read_hearings(self._folder / orders.ears)]
        return assemble(self._people, self._events, hearings)

    def changed(self) -> bool:
        """Whether something was noted since the last call of `changed` or `truth`."""
        fresh, before = self._log.read(), self._heard_bytes
        self._events += fresh
        ears = self._folder / self._orders.ears
        self._heard_bytes = ears.stat().st_size if ears.is_file() else 0  # gone when others are planned
        return bool(fresh) or self._heard_bytes != before

    def stop(self) -> None:
        """Both processes are gone and all they knew is written: SIPp first, the ears then close every account."""
        for process in reversed(self._processes):
            _end(process)
        self._processes.clear()

    def _arguments(self) -> list[str]:
        port = str(self._ports.sip)
        return [
            *("-sf", "scenario.xml", "-inf", scenario.PEOPLE_FILE, "-infindex", scenario.PEOPLE_FILE, "0"),
            *("-i", HOST, "-mi", HOST, "-ci", HOST, "-p", port, "-nostdin"),
            *("-trace_logs", "-log_file", self._orders.log, "-trace_err", "-error_file", "sipp-errors.log"),
            *("-default_behaviors", "all,-abortunexp"),
        ]

    def _launch(self, name: str, command: list[str]) -> None:
        """Its own process group, so that a Ctrl-C reaches the lab alone, which then ends both in order."""
        environment = {**os.environ, **(self._program.env() if name == "sipp" else {}), "TERM": "dumb"}
        package_root = str(Path(__file__).resolve().parents[3])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        with (self._folder / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                [*_dying_with_us(), *command],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out if name == "media" else subprocess.DEVNULL,
                stderr=out,
                start_new_session=True,
            )
        self._processes.append(process)

    def _wait_until_open(self) -> None:
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit:
            if not self.alive():
                self.stop()
                raise SetUpFailed(f"the simulated carrier did not start: {self._last_words()}")
            if _taken(self._ports.sip) and b"open" in (self._folder / "media.out").read_bytes():
                return
            time.sleep(0.02)
        self.stop()
        raise SetUpFailed(f"the simulated carrier was not ready within {START_LIMIT_S:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        said = []
        for name in ("media.out", "sipp.out", "sipp-errors.log"):
            with suppress(FileNotFoundError):
                said += (self._folder / name).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        return " / ".join(said) or "it said nothing"


def _dying_with_us() -> list[str]:
    """The start of a command line whose process ends when we are killed: an orphan would keep the ports."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT_S)


def _taken(port: int, host: str = HOST) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _require_free(setting: str, port: int, host: str) -> None:
    """SIPp itself would silently take the next port."""
    if _taken(port, host):
        raise PortInUse(f"setting {setting}: UDP port {port} is taken by another program; choose another, or 0")
