"""The outbox: what was put is on the disk at once, is delivered when it can be, and can be found again."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.adapters.outbox import Outbox, find
from ivr.errors import NotReady
from tests.integration.scene import wait_for


class Post:
    """Takes results, once it is open."""

    def __init__(self, is_open: bool = True, refuses: Exception | None = None) -> None:
        self.open = threading.Event()
        self.refuses = refuses or NotReady("closed")
        self.taken: list[Any] = []
        self.tries = 0
        if is_open:
            self.open.set()

    def __call__(self, lines: list[str]) -> None:
        self.tries += 1
        if not self.open.is_set():
            raise self.refuses
        self.taken += map(json.loads, lines)


def result(attempt: str) -> dict[str, Any]:
    return {"kind": "listen", "attempt": attempt}


def test_what_was_put_is_in_the_file_before_it_is_sent(tmp_path: Path) -> None:
    post = Post(is_open=False)
    box = Outbox(tmp_path, "agi", post)
    box.put(result("a1"))
    assert list(find(tmp_path, {"a1"})) == [result("a1")]
    assert post.taken == []
    post.open.set()
    box.close()
    assert post.taken == [result("a1")]


@pytest.mark.parametrize("trouble", [NotReady("Redis is away"), RuntimeError("a bug"), OSError("pipe")])
def test_it_is_delivered_later_in_order_whatever_was_wrong(tmp_path: Path, trouble: Exception) -> None:
    post = Post(is_open=False, refuses=trouble)
    box = Outbox(tmp_path, "agi", post)
    for number in range(5):
        box.put(result(f"a{number}"))
    wait_for(lambda: post.tries >= 2, "a second try")
    post.open.set()
    wait_for(lambda: len(post.taken) == 5, "the delivery")
    assert [one["attempt"] for one in post.taken] == [f"a{number}" for number in range(5)]
    box.close()


def test_what_comes_close_together_is_sent_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.adapters.outbox.GATHER_S", 60.0)
    post = Post()
    box = Outbox(tmp_path, "agi", post)
    for number in range(5):
        box.put(result(f"a{number}"))
    began_s = time.monotonic()
    box.close()
    assert time.monotonic() - began_s < 5, "closing does not wait for more to come"
    assert [one["attempt"] for one in post.taken] == [f"a{number}" for number in range(5)]
    assert post.tries <= 2


def test_what_cannot_wait_is_sent_at_once_and_the_rest_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.adapters.outbox.GATHER_S", 60.0)
    post = Post()
    box = Outbox(tmp_path, "agi", post)
    box.put(result("a1"))
    box.put(result("a2"), at_once=True)
    wait_for(lambda: len(post.taken) == 2, "the delivery", 5.0)
    box.close()


def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "agi", Post(is_open=False))
    box.put(result("a1"))
    box.close(timeout_s=0.1)
    assert list(find(tmp_path, {"a1"})) == [result("a1")]


def test_a_line_cut_short_and_what_is_no_result_are_left_out(tmp_path: Path) -> None:
    lines = ["3", "null", "[]", '"a1"', '{"attempt": 3}', '{"attempt": ["a1"]}', json.dumps(result("a1")), '{"att']
    (tmp_path / "agi-1.jsonl").write_text("\n".join(lines))
    (tmp_path / "agi-2.jsonl").write_bytes(b"\xff\xfe\x00\n" + json.dumps(result("a2")).encode() + b"\n")
    assert list(find(tmp_path, {"a1", "a2"})) == [result("a1"), result("a2")]
    assert list(find(tmp_path, set())) == []
    assert list(find(tmp_path / "nowhere", {"a1"})) == []


def test_a_file_that_vanishes_while_looking_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agi-1.jsonl").write_text(json.dumps(result("a1")) + "\n")
    (tmp_path / "agi-2.jsonl").symlink_to(tmp_path / "gone")
    assert list(find(tmp_path, {"a1"})) == [result("a1")]


def test_old_files_are_forgotten_and_a_new_day_has_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "agi-20200101-1.jsonl"
    old.write_text(json.dumps(result("a0")) + "\n")
    os.utime(old, (1, 1))
    post = Post()
    box = Outbox(tmp_path, "agi", post)
    assert not old.exists()
    box.put(result("a1"))
    monkeypatch.setattr(box, "_day", 0)
    monkeypatch.setattr("ivr.adapters.outbox.time.strftime", lambda *_: "20990101")
    box.put(result("a2"))
    box.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    assert post.taken == [result("a1"), result("a2")]


def test_without_room_on_the_disk_it_is_sent_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post()
    box = Outbox(tmp_path, "agi", post)

    def full(_line: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(box, "_file", SimpleNamespace(write=full, close=box._file.close))
    box.put(result("a1"))
    wait_for(lambda: post.taken == [result("a1")], "the delivery")
    assert "cannot be written" in caplog.text
    box.close()


def test_many_threads_put_whole_lines(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "agi", Post())

    def put(number: int) -> None:
        for i in range(50):
            box.put(result(f"{number}-{i}"))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    box.close()
    wanted = {f"{n}-{i}" for n in range(4) for i in range(50)}
    assert {one["attempt"] for one in find(tmp_path, wanted)} == wanted
