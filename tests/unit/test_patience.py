"""What is said of trouble: our own words, else where it was met."""

from __future__ import annotations

import logging

import pytest

from ivr.errors import AmiDown
from ivr.usecases.patience import warn


def _raise(error: Exception) -> None:
    raise error


def test_trouble_that_nobody_foresaw_is_named_with_its_place_and_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        _raise(KeyError("+33199000001"))
    except KeyError as error:
        warn("x_waits", error)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    why: str = record.why  # type: ignore[attr-defined]
    assert why.startswith("KeyError at test_patience.py:")
    assert "0001" not in why


def test_trouble_of_a_known_kind_is_told_in_its_own_words(caplog: pytest.LogCaptureFixture) -> None:
    warn("x_waits", AmiDown("no Asterisk"))
    (record,) = caplog.records
    assert (record.levelno, record.why) == (logging.WARNING, "no Asterisk")  # type: ignore[attr-defined]
