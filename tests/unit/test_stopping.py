"""A 9 is stored before it is confirmed, and the person does not wait for a database that cannot take it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ivr.errors import StoreBusy
from ivr.usecases import stopping
from ivr.usecases.recording import Result
from ivr.usecases.stopping import Stops


class Books:
    """A database: `trouble` is raised, `locked` is waited for."""

    def __init__(self) -> None:
        self.stops: list[tuple[str, int, bool]] = []
        self.locked = threading.Event()
        self.locked.set()
        self.trouble: Exception | None = None

    def store(self, attempt: str, at_ms: int, of_all: bool) -> None:
        self.locked.wait(10)
        if self.trouble:
            raise self.trouble
        self.stops.append((attempt, at_ms, of_all))


@pytest.fixture
def books() -> Iterator[Books]:
    made = Books()
    yield made
    made.locked.set()


def test_a_database_that_works_has_the_stop_and_nothing_else_is_told(books: Books) -> None:
    put: list[Result] = []
    Stops(books.store, put.append).take("a1", 7, False)
    assert (books.stops, put) == ([("a1", 7, False)], [])


@pytest.mark.parametrize("trouble", [StoreBusy("locked"), RuntimeError("broken"), OSError("gone")])
def test_whatever_the_database_has_the_stop_is_on_its_way(books: Books, trouble: Exception) -> None:
    put: list[Result] = []
    books.trouble = trouble
    stops = Stops(books.store, put.append)
    stops.take("a1", 7, False)
    stops.take("a1", 9, True)
    told = {"kind": "stop", "attempt": "a1"}
    assert put == [told | {"at_ms": 7}, told | {"at_ms": 9, "of_all": True}]


def test_a_locked_database_holds_nobody_up_and_gets_no_late_stop_that_waited_for_its_turn(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE_S", 0.2)
    put: list[Result] = []
    stops = Stops(books.store, put.append)
    books.locked.clear()
    people = [threading.Thread(target=stops.take, args=(f"a{n}", n, False)) for n in range(3 * stopping.AT_ONCE)]
    began_s = time.monotonic()
    for person in people:
        person.start()
    for person in people:
        person.join(5)
    assert time.monotonic() - began_s < 4
    assert {result["attempt"] for result in put} == {f"a{n}" for n in range(len(people))}
    books.locked.set()
    stops.close()
    assert len(books.stops) <= stopping.AT_ONCE
