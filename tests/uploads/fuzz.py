"""Breaks recordings of every kind for some time, and adds them: `python -m tests.uploads.fuzz SECONDS SEED`.

For each: no longer than ten seconds, no exception but AudioRefused, nothing left of what was refused, and no more
memory than the decoder's limit. What breaks a promise is kept beside this file as found-… and named; exit code 1.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters import pico
from ivr.adapters.pbx import programs
from ivr.adapters.sound import jail
from ivr.errors import AudioRefused
from ivr.settings import Message, Settings, Speech
from ivr.usecases import messages
from tests.uploads.mutate import mutated
from tests.uploads.seeds import seeds_in

SLOWEST_S = 10.0
OWN_MEMORY_BYTES = 1 << 30
RENDERED = {".alaw", ".ulaw", ".sln16"}


@dataclass(frozen=True)
class Case:
    """One broken recording, and what became of it. broken: the promise that was, "" for none."""

    name: str
    content: bytes
    outcome: str
    took_s: float
    broken: str


def cases(seeds: dict[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents without end, each kind in its turn; the same for the same seed."""
    for turn in itertools.count():
        for kind, content in seeds.items():
            draw = random.Random(f"{seed} {turn} {kind}")
            yield f"{turn}.{kind}", mutated(content, seeds[draw.choice(sorted(seeds))], draw)


def tried(name: str, content: bytes, folder: Path) -> Case:
    """The recording is added in a `folder` of its own, which is gone afterwards."""
    settings = Settings(home=folder / name, message=Message(min_s=0.5), speech=Speech())
    settings.home.mkdir(parents=True)
    upload, outcome, broken = settings.home / "upload", "accepted", ""
    upload.write_bytes(content)
    began = time.monotonic()
    try:
        messages.prepare(upload, settings)
    except AudioRefused as refused:
        outcome = str(refused).removeprefix("upload ").partition(":")[0]
        broken = "it says more than one line" if len(str(refused).splitlines()) != 1 else ""
    except BaseException as error:  # whatever else it is, it is what is looked for
        broken = f"{type(error).__name__}: {error}"
    took_s = time.monotonic() - began
    left = sorted(path.suffix for path in settings.var_dir.rglob("*") if path.is_file())
    if not broken and left != (sorted(RENDERED | {""}) if outcome == "accepted" else []):
        broken = f"{left} are left"
    if not broken and took_s > SLOWEST_S:
        broken = f"it takes {took_s:.1f} s"
    shutil.rmtree(settings.home)
    return Case(name, content, outcome, took_s, broken)


def memory() -> str:
    """The promise that the memory taken so far breaks, "" for none."""
    own, decoder = (resource.getrusage(who).ru_maxrss << 10 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    if own > OWN_MEMORY_BYTES:
        return f"this process took {own >> 20} MB"
    return f"a decoder took {decoder >> 20} MB" if decoder > jail.MEMORY_BYTES else ""


def made_seeds(folder: Path) -> dict[str, bytes]:
    """A recording of each kind."""
    program = programs.find("ffmpeg", Settings(home=folder).cache_dir)

    def ffmpeg(*arguments: str | Path) -> Path:
        argv = program.argv("-nostdin", "-v", "error", "-y", *map(str, arguments))
        subprocess.run(argv, check=True, timeout=60)
        return Path(arguments[-1])

    speech = folder / "speech.wav"
    speech.write_bytes(pico.speak("Bonjour, ici la mairie. La réunion de jeudi aura lieu à dix-neuf heures.", "fr-FR"))
    return {kind: file.read_bytes() for kind, file in seeds_in(folder, speech, ffmpeg).items()}


def main(seconds: float, seed: int) -> int:
    """How many recordings broke a promise, within that time."""
    outcomes: Counter[str] = Counter()
    slowest_s, broken = 0.0, 0
    with tempfile.TemporaryDirectory(prefix="portevoix-fuzz-") as place, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(place)
        endless, until = cases(made_seeds(folder), seed), time.monotonic() + seconds
        while time.monotonic() < until:
            batch = list(itertools.islice(endless, 4 * (os.cpu_count() or 1)))
            for case in pool.map(lambda one: tried(one[0], one[1], folder), batch):
                outcomes[case.outcome] += 1
                slowest_s = max(slowest_s, case.took_s)
                if case.broken:
                    broken += 1
                    _keep(case)
    if why := memory():
        broken += 1
        print(why)
    for outcome, count in outcomes.most_common(12):
        print(f"{count:6}  {outcome}")
    print(f"{outcomes.total()} recordings, seed {seed}: {broken} broke a promise; the slowest took {slowest_s:.2f} s")
    return broken


def _keep(case: Case) -> None:
    file = Path(__file__).with_name(f"found-{case.name}")
    with contextlib.suppress(OSError):
        file.write_bytes(case.content)
    print(f"{file.name}: {case.broken}")


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    sys.exit(1 if main(given[0] if given else 60.0, int(given[1]) if len(given) > 1 else time.time_ns() >> 20) else 0)
