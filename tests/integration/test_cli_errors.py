"""Bad input at the command line: one clear line, an exit code, nothing half-done, never a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from ivr.adapters.store import Store
from ivr.doors import cli
from ivr.rules.states import CampaignState
from ivr.settings import load
from tests.integration.scene import Scene

SETTINGS = """\
var = "var"
[pbx]
sip_port = 0
ami_port = 0
agi_port = 0
[trunks.lab]
host = "127.0.0.1:5999"
[trunks.real]
host = "sip.example.org"
"""
ABOUT = ["--sponsor=S", "--role=R", "--controller=C", "--source=X", "--website=w.example.org"]


class Shell:
    """`ivr` in a folder of its own, in this process."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._capsys, self._monkeypatch = home, capsys, monkeypatch
        (home / "portevoix.toml").write_text(SETTINGS)
        monkeypatch.chdir(home)
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["ivr", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def refuses(self, *arguments: str) -> tuple[int, str]:
        """Exit code and the one line that was said."""
        code = self(*arguments)
        assert code, f"{arguments} was accepted: {self.out}"
        assert "Traceback" not in self.err
        [line] = self.err.strip().splitlines()
        assert line.startswith("ivr: ")
        assert self.out.strip() == ""
        return code, line

    def file(self, name: str, content: str | bytes) -> str:
        path = self.home / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    @property
    def kept(self) -> tuple[int, int, int, list[str]]:
        """Contacts, batches, messages, and files in var beside the database's."""
        store = Store(load(self.home / "portevoix.toml"))
        if not store.database.is_current():
            store.migrate()
        var = self.home / "var"
        files = sorted(p.name for p in var.rglob("*") if p.is_file() and "portevoix.db" not in p.name)
        found = (store.contacts.count(), len(store.contacts.batches()), len(store.messages.all()))
        store.close()
        return *found, [name for name in files if name != "suppression.key"]


@pytest.fixture
def ivr(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    for variable in [name for name in os.environ if name.startswith("IVR_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(tmp_path, capsys, monkeypatch)


NOTHING: tuple[int, int, int, list[str]] = (0, 0, 0, [])


def test_a_file_that_is_not_there(ivr: Shell) -> None:
    code, line = ivr.refuses("contacts", "import", "missing.csv")
    assert "missing.csv" in line
    assert code in (65, 66)
    code, line = ivr.refuses("message", "add", "missing.wav")
    assert (code, "missing.wav" in line) == (66, True)
    assert ivr.kept == NOTHING


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("name;town\nAnne;Lyon\n", "number column"),
        ("telephone\n" + "6" * 10_000_000 + "\n", ""),
        ("x" * 10_000_000, ""),
        (b"\x00\x01\x02\xff" * 1000, ""),
    ],
    ids=["empty", "blank", "no number column", "10 MB line", "10 MB header", "binary"],
)
def test_a_list_that_cannot_be_used(ivr: Shell, content: str | bytes, says: str) -> None:
    file = ivr.file("people.csv", content)
    if content[:10] == "telephone\n":  # only a row, not the file, is bad: it is rejected with its line and reason
        assert ivr("contacts", "import", file) == 0
        assert "0 contacts, 1 rows rejected" in ivr.out
        assert ivr.kept[0] == 0
        return
    code, line = ivr.refuses("contacts", "import", file)
    assert code == 65
    assert says in line
    assert ivr.kept == NOTHING


def test_a_folder_is_no_list(ivr: Shell) -> None:
    (ivr.home / "folder").mkdir()
    ivr.refuses("contacts", "import", "folder")
    ivr.refuses("message", "add", "folder")
    assert ivr.kept == NOTHING


def silence(path: Path, seconds: float) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(2000)
        file.writeframes(b"\x00\x10" * int(2000 * seconds))
    return str(path)


@pytest.mark.parametrize("seconds", [0, 3600])
def test_a_message_of_no_or_too_much_length(ivr: Shell, seconds: int) -> None:
    code, line = ivr.refuses("message", "add", silence(ivr.home / "m.wav", seconds))
    assert code == 65
    assert "m.wav" in line
    assert ivr.kept == NOTHING


def test_a_text_named_mp3(ivr: Shell) -> None:
    code, line = ivr.refuses("message", "add", ivr.file("m.mp3", "I am a text\n" * 1000))
    assert code == 65
    assert "m.mp3" in line
    assert ivr.kept == NOTHING


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["campaign", "start", "nothing"], 66, "no campaign named 'nothing'"),
        (["campaign", "status", "nothing"], 66, "no campaign named"),
        (["campaign", "report", "nothing"], 66, "no campaign named"),
        (["campaign", "pause", "nothing"], 66, "no campaign named"),
        (["campaign", "create", "c", "--message=m", "--contacts=p", "--trunk=none", *ABOUT], 78, "no trunk named"),
        (["campaign", "create", "c", "--message=m", "--contacts=p", "--trunk=real", *ABOUT], 78, "caller_id"),
        (["campaign", "create", "c", "--message=m", "--contacts=p", "--trunk=lab", *ABOUT], 66, "no message named"),
        (["campaign", "create", "", "--message=m", "--contacts=p", "--trunk=lab", *ABOUT], 2, "name"),
        (["campaign", "create", "a\x1b[2J", "--message=m", "--contacts=p", "--trunk=lab", *ABOUT], 2, "name"),
        (["campaign", "create", "c", "--message=m", "--contacts=p", "--trunk=lab", "--rate=0", *ABOUT], 2, "rate"),
        (["campaign", "create", "c", "--message=m", "--contacts=p", "--trunk=lab", "--rate=nan", *ABOUT], 2, "rate"),
        (["campaign", "create", "c", "--message=m", "--contacts=p", "--trunk=lab", "--rate=-1", *ABOUT], 2, "rate"),
        (["status"], 75, "not up"),
        (["down"], 75, "not up"),
        (["--config", "missing.toml", "status"], 78, "missing.toml"),
    ],
)
def test_what_is_not_there_or_makes_no_sense(ivr: Shell, arguments: list[str], code: int, says: str) -> None:
    told, line = ivr.refuses(*arguments)
    assert (told, says in line) == (code, True), line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[pbx]\nsip_prot = 1\n", "pbx.sip_prot"),
        ("nonsense = 1\n", "nonsense"),
        ("[pbx]\nsip_port = 70000\n", "pbx.sip_port"),
        ("[pbx\n", "portevoix.toml"),
        (b"\xff\xfe\x00", "portevoix.toml"),
        ("[redis]\nurl = 'nonsense'\n", "redis.url"),
        ("[database]\nurl = 'nonsense'\n", "database.url"),
        ("[database]\nurl = 'mysql://x/y'\n", "database.url"),
    ],
)
def test_a_bad_setting_is_refused_with_its_name(ivr: Shell, text: str | bytes, says: str) -> None:
    ivr.file("portevoix.toml", text)
    if "redis" in says:
        ivr.file("portevoix.toml", SETTINGS + str(text))
        store = Store(load())
        store.migrate()
        Scene(load(), store).campaign(1)
        store.close()
        code, line = ivr.refuses("campaign", "status", "campaign-1")
    else:
        code, line = ivr.refuses("contacts", "list")
    assert code == 78
    assert says in line


def test_an_unknown_setting_in_the_environment(ivr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_PBX__SIP_PROT", "1")
    code, line = ivr.refuses("contacts", "list")
    assert (code, "IVR_PBX__SIP_PROT" in line) == (78, True)


def test_a_second_start_of_a_running_campaign(ivr: Shell) -> None:
    settings = load(ivr.home / "portevoix.toml")
    store = Store(settings)
    store.migrate()
    campaign = Scene(settings, store).campaign(2)
    before = store.campaigns.named(campaign.name), store.campaigns.books(campaign.id)
    code, line = ivr.refuses("campaign", "start", campaign.name)
    assert (code, "runs already" in line) == (2, True)
    assert (store.campaigns.named(campaign.name), store.campaigns.books(campaign.id)) == before
    store.campaigns.move(campaign, CampaignState.STOPPED, 9)
    code, line = ivr.refuses("campaign", "start", campaign.name)
    assert (code, "stopped" in line) == (2, True)
    store.close()


def test_importing_twice_changes_nothing(ivr: Shell) -> None:
    file = ivr.file("people.csv", "telephone;nom\n0612345678;A\n0612345679;B\n12;C\n")
    assert ivr("contacts", "import", file) == 0
    assert "2 contacts, 1 rows rejected" in ivr.out
    before = ivr.kept
    assert ivr("contacts", "import", file) == 0
    assert "nothing changed" in ivr.out
    assert ivr.kept == before


@pytest.mark.parametrize("name", ["[/bold]", "[red]", "a[b"])
def test_names_are_shown_as_they_are(ivr: Shell, name: str) -> None:
    file = ivr.file("people.csv", "telephone\n0612345678\n")
    assert ivr("contacts", "import", file, "--name", name) == 0
    assert name in ivr.out
    assert ivr("contacts", "list") == 0
    assert name in ivr.out


@pytest.mark.parametrize("name", ["x" * 129, "a\nb", " ", ""])
def test_a_name_that_no_database_keeps_is_refused(ivr: Shell, name: str) -> None:
    file = ivr.file("people.csv", "telephone\n0612345678\n")
    code, line = ivr.refuses("contacts", "import", file, "--name", name)
    assert code == 65
    assert "a name is 1 to 128" in line


def test_what_cannot_be_written_is_one_line(ivr: Shell) -> None:
    ivr.file("var", "I am in the way\n")
    code, line = ivr.refuses("contacts", "list")
    assert code == 74
    assert str(ivr.home / "var") in line


@pytest.mark.parametrize("setting", ["pbx.ami_port", "pbx.agi_port", "pbx.sip_port"])
def test_a_port_in_use_is_named_with_its_setting(ivr: Shell, setting: str) -> None:
    kind = socket.SOCK_DGRAM if "sip" in setting else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        name = setting.partition(".")[2]
        ivr.file("portevoix.toml", SETTINGS.replace(f"{name} = 0", f"{name} = {port}"))
        assert ivr("up") == 69
    [line] = [line for line in ivr.err.splitlines() if line.startswith("ivr: ")]
    assert setting in line
    assert str(port) in line
    assert ivr("status") == 75, "nothing was left running"


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("IVR_")}
    command = [str(Path(sys.executable).with_name("ivr")), *arguments]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=50, env=env, check=False)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["contacts", "import", "missing.csv"], (65, 66)),
        (["campaign", "start", "nothing"], (66,)),
        (["campaign", "dance"], (2,)),
        (["--help"], (0,)),
    ],
)
def test_the_real_command(ivr: Shell, arguments: list[str], code: tuple[int, ...]) -> None:
    done = run(ivr.home, *arguments)
    assert done.returncode in code
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) is bool(done.returncode)


def test_a_reader_that_leaves_is_no_error(ivr: Shell) -> None:
    command = f"{Path(sys.executable).with_name('ivr')} settings | head -c 10"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ivr.home, capture_output=True, text=True, timeout=50, check=False
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_three_first_commands_at_once_make_one_database(ivr: Shell) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("IVR_")}
    command = [str(Path(sys.executable).with_name("ivr")), "contacts", "list"]
    at_once = [
        subprocess.Popen(command, cwd=ivr.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        for _ in range(3)
    ]
    told = [process.communicate(timeout=50) for process in at_once]
    assert [process.returncode for process in at_once] == [0, 0, 0], told
    assert ivr.kept == NOTHING


NEW = ["campaign", "create", "c", "--message=m", "--contacts=p"]


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (["--trunk=lab", "--trunk=lab"], 2, "named twice"),
        (["--trunk=lab", "--trunk=none"], 78, "no trunk named 'none'"),
        (["--trunk=lab", "--retry=busy"], 78, "busy=15m 1h"),
        (["--trunk=lab", "--retry=busy=often"], 78, "like 90s, 15m, 3h or 1d"),
        (["--trunk=lab", "--retry=answered=1h"], 78, "'answered' is not known"),
        (["--trunk=lab", "--expires=tomorrow"], 78, "as in 2026-12-01T20:00"),
        (["--trunk=lab", "--expires=2020-01-01T20:00"], 2, "is past"),
        (["--trunk=lab", "--weight=0"], 78, "weight"),
        (["--trunk=lab", "--priority=1000000"], 2, "from -100 to 100"),
        (["--trunk=lab", "--timezone=Mars/North"], 78, "time zone"),
    ],
)
def test_limits_of_a_campaign_that_cannot_be_used(ivr: Shell, given: list[str], code: int, says: str) -> None:
    found, line = ivr.refuses(*NEW, *given, *ABOUT)
    assert (found, says in line) == (code, True), line


def test_a_default_retry_policy_that_cannot_be_used_is_named(ivr: Shell) -> None:
    (ivr.home / "portevoix.toml").write_text(SETTINGS + '[calls]\nretry = "busy=never again"\n')
    code, line = ivr.refuses(*NEW, "--trunk=lab", *ABOUT)
    assert (code, "setting calls.retry: " in line) == (78, True), line


def test_a_running_campaign_is_changed_and_one_that_is_over_is_not(ivr: Shell) -> None:
    settings = load()
    store = Store(settings)
    store.migrate()
    campaign = Scene(settings, store).campaign(2)
    name = campaign.name
    assert ivr("campaign", "set", name, "--rate=2.5", "--weight=2", "--priority=1", "--expires=2099-12-01T20:00") == 0
    assert f"{name}: at most 2.5 calls/s · weight 2 · priority 1 · expires Tue 01 Dec 20:00 (Europe/Paris)" in ivr.err
    changed = store.campaigns.named(name)
    assert (changed.rate_cps, changed.weight, changed.priority) == (2.5, 2.0, 1)
    assert changed.expires_at_ms == 4099834800000
    assert ivr("campaign", "set", name, "--expires=never") == 0
    assert store.campaigns.named(name).expires_at_ms is None
    for wrong, says in (([], "give --rate"), (["--rate=0"], "more than 0"), (["--expires=2020-01-01"], "is past")):
        assert says in ivr.refuses("campaign", "set", name, *wrong)[1]
    assert ivr("campaign", "pause", name, "--now") == 0
    assert "the calls on the line are ended" in ivr.err
    assert store.campaigns.named(name).release_at_ms
    assert ivr("halt", "--now") == 0
    assert store.halts.release_at_ms()
    assert ivr("campaign", "stop", name) == 0
    assert "is stopped; nothing of it can be changed" in ivr.refuses("campaign", "set", name, "--rate=1")[1]
    store.close()


def test_a_campaign_that_has_expired_cannot_start(ivr: Shell) -> None:
    settings = load()
    store = Store(settings)
    store.migrate()
    campaign = Scene(settings, store).campaign(2, start=False, expires_at_ms=5)
    code, line = ivr.refuses("campaign", "start", campaign.name)
    assert (code, f"`ivr campaign set {campaign.name} --expires` gives it more time" in line) == (2, True), line
    store.close()


def test_the_status_tells_who_is_to_be_called_again_and_when(ivr: Shell) -> None:
    settings = load()
    store = Store(settings)
    store.migrate()
    scene = Scene(settings, store)
    campaign = scene.campaign(2, retry="busy=15m; jitter=0")
    [attempt] = scene.dialing(campaign, 1)
    store.listens.record([], [{"attempt": attempt, "outcome": "busy", "at_ms": 1_795_000_000_000}])
    assert ivr("campaign", "status", campaign.name) == 0
    assert "1/2 called" in ivr.out
    assert "1 to be called again, from Wed 18 Nov 12:06 (Europe/Paris)" in ivr.out
    store.close()
