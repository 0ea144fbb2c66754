"""A few hundred broken recordings of every kind; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.uploads import fuzz

ROUNDS = 6
SEED = 1


@pytest.mark.timeout(300)
def test_no_broken_recording_breaks_a_promise(seeds: dict[str, Path], tmp_path: Path) -> None:
    contents = {kind: file.read_bytes() for kind, file in seeds.items()}
    some = list(itertools.islice(fuzz.cases(contents, SEED), ROUNDS * len(contents)))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda case: fuzz.tried(case[0], case[1], tmp_path), some))
    assert [(case.name, case.broken) for case in done if case.broken] == []
    assert fuzz.memory() == ""
    refused = [case for case in done if case.outcome != "accepted"]
    assert len(refused) > len(done) / 4, "they are hardly broken"
    assert {case.name.partition(".")[2] for case in done} == set(contents)


def test_the_same_seed_breaks_them_in_the_same_way(seeds: dict[str, Path]) -> None:
    contents = {kind: file.read_bytes() for kind, file in seeds.items()}
    first, second = (list(itertools.islice(fuzz.cases(contents, 5), 40)) for _ in range(2))
    assert first == second
    assert all(content != contents[name.partition(".")[2]] for name, content in first)
