"""The schema of the report as JSON: every kind of report is valid by it, and what is not is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from ivr.doors.cli import cli
from ivr.doors.report import as_json
from ivr.doors.report.schema import schema
from ivr.settings import HOME
from ivr.usecases.reporting import Report
from tests.unit.report.conftest import MESSAGE_MS, Maker
from tests.unit.report.test_comparing import SHORT_MS, report

VALIDATOR = Draft202012Validator(schema())


def wrong(plain: Any) -> list[str]:
    return [one.message for one in VALIDATOR.iter_errors(plain)]


def test_the_schema_is_one_and_the_page_of_it_up_to_date() -> None:
    Draft202012Validator.check_schema(schema())
    told = CliRunner().invoke(cli, ["campaign", "schema"]).output
    page = (HOME / "docs" / "report.schema.json").read_text(encoding="utf-8")
    assert page == told, "run: .venv/bin/ivr campaign schema > docs/report.schema.json"


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda maker: maker.report([]), id="nobody"),
        pytest.param(lambda maker: maker.report(maker.answered(maker.listen(5_000))), id="one"),
        pytest.param(lambda maker: maker.sample(), id="300"),
        pytest.param(lambda maker: report(maker, [MESSAGE_MS] * 60, [SHORT_MS] * 60), id="two versions"),
        pytest.param(lambda maker: report(maker, [MESSAGE_MS] * 60, [SHORT_MS] * 19), id="a hidden version"),
    ],
)
def test_every_kind_of_report_is_valid(maker: Maker, made: Callable[[Maker], Report]) -> None:
    assert wrong(json.loads(as_json.render(made(maker)))) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "portevoix.report/2"}, "'portevoix.report/1' was expected"),
        ({"answered": "many"}, "'many' is not of type 'integer'"),
        ({"heard_by": ["+33612345678"]}, "Additional properties are not allowed"),
    ],
)
def test_what_is_no_such_report_is_not_valid(sample: Report, change: dict[str, Any], told: str) -> None:
    [found] = wrong(json.loads(as_json.render(sample)) | change)
    assert told in found


@pytest.mark.parametrize("name", ["measures", "definitions", "hidden", "waveform"])
def test_nothing_may_be_missing(sample: Report, name: str) -> None:
    plain = json.loads(as_json.render(sample))
    del plain[name]
    assert wrong(plain) == [f"'{name}' is a required property"]
