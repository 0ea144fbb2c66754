"""A report whose message has several versions: each told apart, and how far they differ."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from ivr.doors.report import as_csv, as_html, as_json
from ivr.rules.measures import Interval
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.usecases.comparing import compare, gain
from ivr.usecases.reporting import Measure, Report
from tests.unit.report.conftest import EMPTY, MESSAGE_MS, Maker
from tests.unit.report.test_forms import HOSTILE, printed

SHORT_MS = MESSAGE_MS // 2


def heard(heard_ms: int, length_ms: int) -> Listen:
    ended_by = EndedBy.US if heard_ms == length_ms else EndedBy.LISTENER
    return Listen("x", (Play(Segment.MESSAGE, "b", heard_ms, length_ms, 5_000),), ended_by=ended_by)


def report(maker: Maker, long: list[int], short: list[int], **names: str) -> Report:
    """Heard milliseconds of a version of 20 s, and of one of 10 s."""
    tallies = [
        maker.tally([maker.result("answered", heard(ms, length_ms)) for ms in some], length_ms)
        for some, length_ms in ((long, MESSAGE_MS), (short, SHORT_MS))
    ]

    def facts(count: int, **more: Any) -> Any:
        return replace(EMPTY, targets=count, done={"answered": count}, called={"answered": count}, **more)

    versions = [
        facts(len(long), name=names.get("first", "long"), share=0.5),
        facts(len(short), name="short", share=0.5, message_ms=SHORT_MS),
    ]
    return compare(facts(len(long) + len(short)), tallies, versions)


@pytest.fixture
def unlike(maker: Maker) -> Report:
    return report(maker, [MESSAGE_MS] * 30 + [5_000] * 30, [SHORT_MS] * 40 + [5_000] * 10)


def test_each_version_has_a_report_of_its_own_length(unlike: Report) -> None:
    assert [one.answered for one in unlike.versions] == [60, 50]
    rates = [one.measure("listen_rate").value for one in unlike.versions]
    assert rates == pytest.approx([(30 + 30 * 0.25) / 60, (40 + 10 * 0.5) / 50])
    assert unlike.measure("listen_rate").value == pytest.approx((37.5 + 45) / 110)
    assert [one.curve.points[-1].at_ms for one in unlike.versions if one.curve] == [MESSAGE_MS, SHORT_MS]
    assert unlike.books.balance
    assert all(one.books.balance for one in unlike.versions)


def test_who_heard_the_shorter_version_to_its_end_has_not_left(unlike: Report) -> None:
    assert unlike.curve
    by_ms = {point.at_ms: point for point in unlike.curve.points}
    assert by_ms[5_000].left == 40
    assert sum(point.left for point in unlike.curve.points) == 40
    assert by_ms[SHORT_MS].cut == 40
    assert by_ms[MESSAGE_MS].share == pytest.approx(70 / 110)


def test_a_difference_has_its_interval(unlike: Report) -> None:
    first, second = unlike.versions
    assert first.gain is None
    assert second.gain
    assert second.gain.value == pytest.approx(0.275)
    assert 0 < second.gain.low < 0.275 < second.gain.high < 1


def test_newcombe_s_own_example() -> None:
    """Table II of the paper: 56 of 70 against 48 of 80 differ by 0.2, from 0.0524 to 0.3339 (method 10)."""
    one = Measure("x", "rate", 56, 70, 56 / 70, 0.6918, 0.8769)
    other = Measure("x", "rate", 48, 80, 48 / 80, 0.4904, 0.7003)
    found = gain(one, other)
    assert found
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)
    assert gain(one, replace(other, value=None)) is None
    assert isinstance(found, Interval)


def test_below_twenty_answered_calls_in_one_version_none_is_told(maker: Maker) -> None:
    small = report(maker, [MESSAGE_MS] * 60, [SHORT_MS] * 19)
    assert small.measure("listen_rate").value == 1
    for one in small.versions:
        assert one.hidden
        assert one.curve is None
        assert one.measure("listen_rate").value is None
        assert one.measure("opt_out").numerator is None
        assert one.books.balance
    assert "not shown: a version has fewer than 20" in " ".join(printed(small, language="en").split())
    assert "non affiché" in as_html.render(small, "fr")
    assert all(row["value"] == "" for row in table(small) if row["section"] == "measures/2" and row["id"] != "dialled")


def test_a_second_at_which_many_left_is_told_of_no_hidden_version(maker: Maker) -> None:
    at_ms = [*range(300, MESSAGE_MS, 50), *[9_500] * 60]
    assert report(maker, at_ms, [SHORT_MS] * 20).versions[0].dips
    assert not any(one.dips for one in report(maker, at_ms, [SHORT_MS] * 19).versions)


def table(made: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv.render(made, language="en"))))


def test_every_form_tells_each_version(unlike: Report) -> None:
    shown = " ".join(printed(unlike, language="en").split())
    page = as_html.render(unlike, "en")
    for text in (shown, page.replace("\u00a0", " ")):
        assert "long" in text
        assert "short" in text
        assert "Listen rate above the first version’s, in points: 27.5" in text
    rows = {(row["section"], row["id"]): row for row in table(unlike)}
    assert rows[("version/2", "share")]["label"] == "short"
    assert float(rows[("measures/2", "listen_rate")]["value"]) == pytest.approx(0.9)
    assert float(rows[("measures/2", "gain")]["value"]) == pytest.approx(0.275)
    assert rows[("books/1", "targets")]["value"] == "60"
    plain = json.loads(as_json.render(unlike))
    assert [one["facts"]["name"] for one in plain["versions"]] == ["long", "short"]
    assert plain["versions"][1]["gain"]["value"] == pytest.approx(0.275)
    assert plain["versions"][0]["outcomes"][0]["share"] == 1


@pytest.mark.parametrize("width", [60, 80])
def test_the_terminal_keeps_to_its_width(unlike: Report, width: int) -> None:
    assert max(map(len, printed(unlike, width).splitlines())) <= width


def test_a_version_s_name_can_do_nothing(maker: Maker) -> None:
    made = report(maker, [MESSAGE_MS] * 30, [SHORT_MS] * 30, first=HOSTILE)
    assert "<script>" not in as_html.render(made)
    assert "\x1b" not in printed(made)
    assert not any(row["label"].startswith("=") for row in table(made))
