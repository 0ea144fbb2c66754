"""A call script against a scripted Asterisk. Each test carries the number of the pyst2 defect it cures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ivr.adapters.agi import AgiSession, Played
from ivr.errors import AgiRefused, CallEnded, Unsendable
from tests.unit.fakes.agi import serving


def ended(verb: Any) -> str:
    """Whether `verb` says that the call has ended."""
    try:
        verb()
    except CallEnded:
        return "ended"
    return "went on"


def played(session: AgiSession) -> Played:
    return session.play("/sounds/a", "9", 0)


def test_p1_a_session_runs_in_a_thread_and_knows_its_request() -> None:
    def script(session: AgiSession) -> Any:
        on_main = threading.current_thread() is threading.main_thread()
        return session.route, session.arguments, session.unique_id, session.env["agi_callerid"], on_main

    with serving(script) as scripted, scripted.call("/test?x=1", ["un", "", "trois: 3"]):
        assert scripted.result() == ("test", ["un", "", "trois: 3"], "a-1", "33612345678", False)


def test_p2_text_goes_over_a_binary_socket() -> None:
    with serving(lambda s: s.set_variable("NOM", "Zoé “€”")) as scripted, scripted.call() as call:
        assert call.expect("SET VARIABLE", "200 result=1") == 'SET VARIABLE "NOM" "Zoé “€”"'
        assert scripted.result() is None


def test_play_to_the_end_and_to_a_key() -> None:
    with serving(lambda s: [s.play("/s/a"), s.play("/s/a", "9*1", 800)]) as scripted, scripted.call() as call:
        assert call.expect("STREAM FILE", "200 result=0 endpos=32000") == 'STREAM FILE "/s/a" "" 0'
        assert call.hear() == 'STREAM FILE "/s/a" "9*1" 800'
        time.sleep(0.05)
        call.say("200 result=57 endpos=19840")
        to_end, to_key = scripted.result()
        assert (to_end.endpos_samples, to_end.digit, to_end.hung_up, to_end.failed) == (32000, "", False, False)
        assert (to_key.endpos_samples, to_key.digit, to_key.hung_up, to_key.failed) == (19840, "9", False, False)
        assert 50 <= to_key.clock_ms < 1000


def test_p4_hangup_after_the_reply_keeps_endpos_and_variables_still_work() -> None:
    def script(session: AgiSession) -> Any:
        first = session.play("/s/a")
        session.set_variable("HEARD", "1")
        value = session.get_variable("OTHER")
        return first, value, session.play("/s/b"), session.hung_up, ended(lambda: session.wait_for_digit(1))

    with serving(script) as scripted, scripted.call() as call:
        call.expect("STREAM FILE", "200 result=-1 endpos=10880", "HANGUP")
        call.expect("SET VARIABLE", "200 result=1")
        call.expect("GET VARIABLE", "200 result=1 (a=b (c) d)")
        call.expect("STREAM FILE", "511 Command Not Permitted on a dead channel or intercept routine")
        call.expect("WAIT FOR DIGIT", "511 Command Not Permitted on a dead channel or intercept routine")
        first, value, second, hung_up, wait = scripted.result()
        assert (first.endpos_samples, first.hung_up, first.failed, first.endpos_known) == (10880, True, False, True)
        assert (second.endpos_samples, second.hung_up, second.endpos_known) == (0, True, True)
        assert (value, hung_up, wait) == ("a=b (c) d", True, "ended")


def test_p4_hangup_before_the_reply_does_not_shift_the_replies() -> None:
    def script(session: AgiSession) -> Any:
        return session.get_variable("A"), session.get_variable("B"), session.get_variable("C"), session.hung_up

    with serving(script) as scripted, scripted.call() as call:
        call.expect("GET VARIABLE", "HANGUP", "200 result=1 (a)")
        call.expect("GET VARIABLE", "200 result=1 (b)", "HANGUP")
        call.expect("GET VARIABLE", "200 result=0")
        assert scripted.result() == ("a", "b", "", True)


def test_p4_the_end_of_the_connection_in_a_command_is_the_end_of_the_call() -> None:
    def script(session: AgiSession) -> Any:
        return session.play("/s/a", "", 160), ended(lambda: session.set_variable("A", "1")), session.play("/s/a")

    with serving(script) as scripted, scripted.call() as call:
        call.expect("STREAM FILE")
        call.close()
        lost, then, after = scripted.result()
        assert (lost.endpos_samples, lost.hung_up, lost.endpos_known) == (160, True, False)
        assert then == "ended"
        assert (after.hung_up, after.endpos_known) == (True, False)


def test_p5_trying_and_usage_do_not_shift_the_replies() -> None:
    def script(session: AgiSession) -> Any:
        errors = []
        for command in ("NOOP", "NONSENSE", "SHORT", "NOOP"):
            try:
                session.execute(command)
            except AgiRefused as error:
                errors.append(str(error)[-3:])
        return errors, session.get_variable("A")

    with serving(script) as scripted, scripted.call() as call:
        call.expect("NOOP", "100 result=0 Trying...", "200 result=0")
        call.expect("NONSENSE", "510 Invalid or unknown command")
        call.expect("SHORT", "520 Invalid command syntax.  Proper usage not available.")
        usage = ["520-Invalid command syntax.  Proper usage follows:", " Usage: NOOP", "200 result=9", "", "520 End of"]
        call.expect("NOOP", *usage)
        call.expect("GET VARIABLE", "200 result=1 (still in step)")
        assert scripted.result() == (["510", "520", "520"], "still in step")


INJECTIONS = ["x\nEXEC System reboot", "x\ry", "x\0y", "\ud800", "é" * 4100]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_p6_a_line_break_or_an_endless_line_is_never_sent(evil: str) -> None:
    def script(session: AgiSession) -> Any:
        verbs: list[Callable[[], object]] = [
            lambda: session.set_variable("A", evil),
            lambda: session.set_variable(evil, "x"),
            lambda: session.get_variable(evil),
            lambda: session.play(evil),
            lambda: session.play("/s/a", evil),
            lambda: session.verbose(evil),
            lambda: session.execute(evil),
            lambda: session.execute("SET CONTEXT", evil),
        ]
        for verb in verbs:
            with pytest.raises(Unsendable):
                verb()
        session.execute("NOOP")

    with serving(script) as scripted, scripted.call() as call:
        call.expect("NOOP", "200 result=0")
        assert scripted.result() is None


def asterisk_reads(line: str) -> list[str]:
    """The arguments Asterisk finds in a command (the rules of parse_args in res_agi.c, from its description)."""
    words: list[str] = []
    quoted = escaped = False
    fresh = True
    for character in line:
        if character == '"' and not escaped:
            quoted = not quoted
            if quoted and fresh:
                words.append("")
                fresh = False
        elif character == " " and not quoted and not escaped:
            fresh = True
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            if fresh:
                words.append("")
                fresh = False
            words[-1] += character
        escaped = False
    return words


@pytest.mark.parametrize("value", ['a" "b', '\\" x', "\\", 'c:\\"', "", " ", "${X},(y)[z]", "a b"])
def test_p6_quotes_and_backslashes_stay_inside_their_argument(value: str) -> None:
    with serving(lambda s: s.set_variable("A", value)) as scripted, scripted.call() as call:
        assert asterisk_reads(call.expect("SET VARIABLE", "200 result=1")) == ["SET", "VARIABLE", "A", value]
        scripted.result()


def test_several_variables_are_set_by_one_command() -> None:
    values = {"IVR_SEGMENT": "message", "IVR_BEGAN": "17", "IVR_PLAYED": "preroll.900.16-notice.1.2", "E": ""}
    with serving(lambda s: s.set_variables(values)) as scripted, scripted.call() as call:
        line = call.expect("SET VARIABLE", "200 result=1")
        names, given = "ARRAY(IVR_SEGMENT,IVR_BEGAN,IVR_PLAYED,E)", "message,17,preroll.900.16-notice.1.2,"
        assert asterisk_reads(line) == ["SET", "VARIABLE", names, given]
        assert scripted.result() is None


@pytest.mark.parametrize("evil", ["a,b", 'a"b', "a\\", "a(b", "a[b", "${X}", "a b", "a;b", "é", "x\ny"])
def test_p6_what_asterisk_could_read_as_two_values_is_never_sent(evil: str) -> None:
    def script(session: AgiSession) -> Any:
        for values in ({"A": evil, "B": "b"}, {evil: "a", "B": "b"}, {"A(x)": "a"}):
            with pytest.raises(Unsendable):
                session.set_variables(values)

    with serving(script) as scripted, scripted.call() as call:
        assert scripted.result() is None
        assert call.hear() == ""


def test_the_last_word_is_sent_and_no_answer_waited_for() -> None:
    def script(session: AgiSession) -> Any:
        session.leave("IVR_RESULT", "done")
        return ended(lambda: session.leave("IVR_RESULT", "file")), session.play("/s/a")

    with serving(script) as scripted, scripted.call() as call:
        then, after = scripted.result()
        assert (then, after.hung_up, after.endpos_known) == ("ended", True, False)
        assert (call.hear(), call.hear()) == ('SET VARIABLE "IVR_RESULT" "done"', "")


def test_p6_the_longest_line_that_asterisk_reads_is_sent() -> None:
    with serving(lambda s: s.execute("x" * 8190)) as scripted, scripted.call() as call:
        assert len(call.expect("x", "200 result=0")) == 8190
        scripted.result()
    with serving(lambda s: s.execute("x" * 8191)) as scripted, scripted.call():
        assert isinstance(scripted.result(), Unsendable)


def test_p7_nothing_is_written_to_stderr_and_no_number_to_a_log(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def script(session: AgiSession) -> Any:
        session.verbose("to 33612345678")
        raise ValueError("cannot call 06 12 34 56 78 nor +33(0)6.12.34.56.78")

    caplog.set_level("DEBUG")
    with serving(script) as scripted, scripted.call() as call:
        call.expect("VERBOSE", "200 result=1")
        assert isinstance(scripted.result(), ValueError)
        assert call.hear() == "failure"  # AGISTATUS=FAILURE: the dialplan speaks
        assert call.hear() == ""
    assert capfd.readouterr() == ("", "")
    assert "the script of route test failed" in caplog.text
    assert "cannot call [number] nor [number]" in caplog.text
    assert "Traceback" in caplog.text
    assert "12345678" not in caplog.text.replace(" ", "")


def test_p8_a_recording_ends_with_a_key_a_time_limit_or_the_hangup() -> None:
    def script(session: AgiSession) -> Any:
        return session.record_file("/s/r"), session.record_file("/s/r"), ended(lambda: session.record_file("/s/r"))

    with serving(script) as scripted, scripted.call() as call:
        assert call.expect("RECORD FILE", "200 result=35 (dtmf) endpos=80") == 'RECORD FILE "/s/r" wav "#" 20000'
        call.expect("RECORD FILE", "200 result=0 (timeout) endpos=80")
        call.expect("RECORD FILE", "200 result=-1 (hangup) endpos=80")
        assert scripted.result() == ("#", "", "ended")


def test_p9_a_missing_file_is_not_a_hangup() -> None:
    with serving(lambda s: [s.play("/s/missing", "", 80), s.play("/s/a")]) as scripted, scripted.call() as call:
        call.expect("STREAM FILE", "200 result=-1 endpos=80")
        call.expect("CHANNEL STATUS", "200 result=6")
        call.expect("STREAM FILE", "200 result=0 endpos=16000")
        missing, next_one = scripted.result()
        assert (missing.failed, missing.hung_up, missing.endpos_samples) == (True, False, 80)
        assert (next_one.failed, next_one.endpos_samples) == (False, 16000)


@pytest.mark.parametrize("answer", [["HANGUP", "511 Command Not Permitted"], ["HANGUP", "200 result=6"], ["511 No"]])
def test_p9_a_hangup_at_the_first_sample_is_not_a_missing_file(answer: list[str]) -> None:
    with serving(played) as scripted, scripted.call() as call:
        call.expect("STREAM FILE", "200 result=-1 endpos=0")
        call.expect("CHANNEL STATUS", *answer)
        play = scripted.result()
        assert (play.failed, play.hung_up, play.endpos_samples, play.endpos_known) == (False, True, 0, True)


def test_p9_minus_one_from_another_verb_ends_the_call() -> None:
    with serving(lambda s: ended(lambda: s.appexec("Echo"))) as scripted, scripted.call() as call:
        call.expect("EXEC Echo", "200 result=-1")
        assert scripted.result() == "ended"


def test_keys_are_waited_for_in_seconds() -> None:
    def script(session: AgiSession) -> Any:
        return session.wait_for_digit(2.5), session.wait_for_digit(1), ended(lambda: session.wait_for_digit(0))

    with serving(script) as scripted, scripted.call() as call:
        assert call.expect("WAIT FOR DIGIT", "200 result=57") == "WAIT FOR DIGIT 2500"
        call.expect("WAIT FOR DIGIT", "200 result=0")
        assert call.expect("WAIT FOR DIGIT", "200 result=-1", "HANGUP") == "WAIT FOR DIGIT 1"
        assert scripted.result() == ("9", None, "ended")


def test_nothing_is_sent_while_a_file_plays() -> None:
    with serving(played) as scripted, scripted.call() as call:
        call.expect("STREAM FILE")
        call.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            call.sock.recv(1)
        call.say("200 result=0 endpos=8000")
        assert scripted.result().endpos_samples == 8000


def test_a_variable_with_line_breaks_does_not_shift_the_replies() -> None:
    with serving(lambda s: [s.get_variable("A"), s.get_variable("B")]) as scripted, scripted.call() as call:
        call.expect("GET VARIABLE", "200 result=1 (one", "two)")
        call.expect("GET VARIABLE", "200 result=1 (b)")
        assert scripted.result() == ["one\ntwo", "b"]


@pytest.mark.parametrize("answer", ["200 nothing here", "200 result=9x endpos=1", "200 result=0 endpos=much"])
def test_a_reply_that_makes_no_sense_is_refused(answer: str) -> None:
    with serving(played) as scripted, scripted.call() as call:
        call.expect("STREAM FILE", answer)
        assert isinstance(scripted.result(), AgiRefused)


def test_a_peer_that_is_not_asterisk_ends_the_call() -> None:
    with serving(lambda s: ended(lambda: s.execute("NOOP"))) as scripted, scripted.call() as call:
        call.expect("NOOP", "HTTP/1.1 400 Bad Request")
        assert scripted.result() == "ended"


def test_an_asterisk_that_stops_answering_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.adapters.agi.session.PLAY_S", 0.1)
    with serving(lambda s: [played(s), ended(lambda: s.set_variable("A", "1"))]) as scripted, scripted.call() as call:
        call.expect("STREAM FILE")
        silent, then = scripted.result()
        assert (silent.hung_up, silent.endpos_known, then) == (True, False, "ended")
        assert call.hear() == ""  # and the late reply finds nobody


def test_f6_a_latin_1_or_cut_name_of_the_caller_is_only_a_name() -> None:
    with serving(lambda s: s.env["agi_calleridname"]) as scripted:
        with scripted.call(extra=b"agi_calleridname: Jos\xe9\n"):
            assert scripted.result() == "Jos\ufffd"
        with scripted.call(extra=b"agi_calleridname: Jos\xc3\nwithout colon\n"):
            assert scripted.result() == "Jos\ufffd"
