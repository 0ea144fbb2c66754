"""dialplans/ and channelvars.py know the same names: one that is in only one of them is a misspelling."""

import re

from ivr.adapters.pbx import channelvars
from ivr.settings import HOME

FILES = sorted((HOME / "dialplans").glob("*.conf"))
DIALPLANS = "\n".join(re.sub(r"(^|\s);.*", "", file.read_text(), flags=re.MULTILINE) for file in FILES)
EXTENSIONS = (HOME / "asterisk" / "extensions.conf.j2").read_text()


def test_variables_of_the_dialplan_are_in_the_table_and_the_reverse() -> None:
    assert set(re.findall(r"\bIVR_[A-Z_]+\b", DIALPLANS)) == set(channelvars.ALL)


def test_globals_are_set_by_the_configuration() -> None:
    assert set(re.findall(r"^(IVR_[A-Z_]+) =", EXTENSIONS, re.MULTILINE)) == set(channelvars.GLOBALS)


def test_variables_that_are_only_read_come_from_somebody() -> None:
    arrays = re.findall(r"Set\(ARRAY\(([A-Z_,]+)\)=", DIALPLANS)
    set_here = {*re.findall(r"Set\((IVR_[A-Z_]+)=", DIALPLANS), *",".join(arrays).split(",")}
    read = set(re.findall(r"\$\{(IVR_[A-Z_]+)\}", DIALPLANS))
    given = {*channelvars.FROM_CONTROLLER, *channelvars.FROM_SCRIPT, *channelvars.GLOBALS}
    assert read <= set_here | given
    assert set(channelvars.FROM_DIALPLAN) <= set_here


def test_events_context_route_and_database_family() -> None:
    assert set(re.findall(r"UserEvent\((\w+)", DIALPLANS)) == set(channelvars.EVENTS)
    assert f"[{channelvars.CONTEXT}]" in DIALPLANS
    assert f"[{channelvars.RELEASE_CONTEXT}]" in DIALPLANS
    assert f"AGI(${{{channelvars.AGI}}}/{channelvars.AGI_ROUTE},${{{channelvars.ATTEMPT}}}" in DIALPLANS
    assert set(re.findall(r"DB\((\w+)/", DIALPLANS)) == {channelvars.STOP_FAMILY}
    assert f"/{channelvars.BUILTIN_NOTICE}," in DIALPLANS


def test_words_that_are_compared_are_the_tables() -> None:
    compared = dict.fromkeys(re.findall(r'"\$\{IVR_RESULT\}" = "(\w+)"', DIALPLANS))
    assert set(compared) == {channelvars.RESULT_DONE, channelvars.RESULT_FILE, channelvars.RESULT_RELEASED}
    segments = set(re.findall(r'"\$\{IVR_SEGMENT\}" = "(\w+)"', DIALPLANS))
    assert segments == {"confirmation", channelvars.SEGMENT_AFTER}


def test_a_stop_is_stored_before_it_is_told_and_told_before_it_is_confirmed() -> None:
    fallback = DIALPLANS.partition("[ivr-fallback]")[2]
    nine = fallback.partition("exten => 9,1,")[2].partition("\nexten")[0]
    order = [nine.index(step) for step in ("FILE(", "DB(", "IvrStop", "Playback(")]
    assert order == sorted(order)


def test_every_context_is_in_the_file_of_its_name() -> None:
    """And what takes over when its script is gone, where it is a context of its own."""
    for file in FILES:
        first, *more = re.findall(r"^\[(.+)\]$", file.read_text(), re.MULTILINE)
        assert first == file.stem
        assert more in ([], [f"{file.stem}-alone"])
