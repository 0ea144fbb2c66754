"""What importing a file of contacts costs, and counting audiences of it afterwards.

`make bench-contacts` (ROWS=1000000 for a short look, ON=sqlite for one database). The rows are made up: people of every
commune, with the numbers of the French plan in a scattered order. The ranges reserved for fiction hold far too few
numbers to fill a national file, so these may be somebody's: nothing here can call, and all of it is removed.
By estimate 150 bytes of disk a row are needed in TMPDIR.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from full_books import databases, opened
from reports import server_cpu_s, timed_ms

from ivr.adapters.store import Store
from ivr.adapters.territories import french
from ivr.settings import Settings
from ivr.usecases.audience import count
from ivr.usecases.contacts import import_file

HEADER = "telephone;code postal;ville;annee de naissance;langue\n"
MOBILE, FIXED = ((600_000_000, 100_000_000), (730_000_000, 70_000_000)), ((100_000_000, 500_000_000),)
"""Ranges of each kind of line: first number of nine digits, and how many. 0700 to 0729 are of no mobile."""
SCATTER = 61_803_399
"""Prime to how many numbers there are of each kind, so none comes twice by itself."""
NO_PLACE, REPEATED, ENGLISH = 12, 100, 50
"""One row in so many: without a place, with the number of the row before, in English."""
ROWS_AT_ONCE = 100_000
AUDIENCES = (
    "",
    "territory=departement:75",
    "territory=departement:13,departement:69 age=18-34",
    "age=65+ line=fixed",
    "line=mobile language=fr",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=41_000_000)
    parser.add_argument("--on", nargs="+", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    with databases(tuple(asked.on)) as urls:
        for name in asked.on:
            with opened(urls[name]) as (settings, store):
                measured = measure(store, settings, asked.rows)
                print(json.dumps({"database": name, "rows": asked.rows, **measured}), flush=True)


def measure(store: Store, settings: Settings, rows: int) -> dict[str, Any]:
    file = settings.home / "people.csv"
    write(file, rows)
    cpu_s, wall_s, servers_s = time.process_time(), time.monotonic(), server_cpu_s(store)
    batch = import_file(store, settings, file).batch
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
    servers_s = server_cpu_s(store) - servers_s
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of both databases, the larger: ON=… for one
    return {
        "file_mb": round(file.stat().st_size / 1e6),
        "accepted": batch.accepted,
        "rejected": batch.rejected,
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        "database_server_cpu_s": round(servers_s, 1),
        "rows_per_s": round(rows / wall_s),
        "rows_per_cpu_s": round(rows / (cpu_s + servers_s)),
        "peak_rss_mib": peak_kib // 1024,
        "counts": {line or "everybody": counted(store, batch.name, line) for line in AUDIENCES},
    }


def write(file: Path, rows: int) -> None:
    """One person in five has a fixed line; places are unlike in size, as communes are."""
    places = [f"{one.postcodes[0]};{one.name}" for one in french().communes.values() if one.postcodes]
    random.Random(1).shuffle(places)
    with file.open("w", encoding="utf-8") as text:
        text.write(HEADER)
        for begin in range(0, rows, ROWS_AT_ONCE):
            text.write("".join(person(at, places) for at in range(begin, min(begin + ROWS_AT_ONCE, rows))))


def person(at: int, places: Sequence[str]) -> str:
    number = number_of(at - 1 if at % REPEATED == REPEATED - 1 else at)
    share = at * SCATTER % 1_000_003 / 1_000_003
    place = places[int(len(places) ** share) - 1] if at % NO_PLACE else ";"
    return f"0{number};{place};{1935 + at * 31 % 73};{'en' if at % ENGLISH == 0 else 'fr'}\n"


def number_of(at: int) -> int:
    ranges = FIXED if at % 5 == 0 else MOBILE
    nth = at * SCATTER % sum(numbers for _, numbers in ranges)
    for first, numbers in ranges:
        if nth < numbers:
            return first + nth
        nth -= numbers
    raise ValueError(at)


def counted(store: Store, batch: str, line: str) -> dict[str, float]:
    found: list[int] = []
    took_ms = timed_ms(lambda: found.append(count(store, batch, line)))
    return {"contacts": found[0], "ms": took_ms}


if __name__ == "__main__":
    main()
