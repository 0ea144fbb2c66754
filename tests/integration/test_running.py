"""Starting and stopping an installation: ports, folders, one at a time."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters.pbx.secret import ami_secret
from ivr.adapters.supervisor import Supervisor
from ivr.errors import NotReady, PortInUse, Refused, SetUpFailed
from ivr.settings import Lab, Metrics, Pbx, Settings, Trunk
from ivr.usecases import running
from tests.integration.scene import settings_in, wait_for

FREE = Pbx(sip_port=0, ami_port=0, agi_port=0)


def ready(home: Path, **changes: Any) -> Settings:
    settings = settings_in(home, **({"pbx": FREE} | changes))
    settings.state_dir.mkdir(parents=True, mode=0o700)
    return settings


def test_ports_are_chosen_free_and_different(tmp_path: Path) -> None:
    resolved = running.resolve(ready(tmp_path, lab=Lab(enabled=True), trunks={"lab": Trunk(host=running.LAB_HOST)}))
    tcp, udp = {resolved.pbx.ami_port, resolved.pbx.agi_port}, {resolved.pbx.sip_port, resolved.lab.sip_port}
    assert len(tcp) == len(udp) == 2
    assert 0 not in tcp | udp | {resolved.lab.media_port}
    assert resolved.trunks["lab"].host == f"127.0.0.1:{resolved.lab.sip_port}"


def test_a_chosen_port_of_the_lab_is_the_trunks(tmp_path: Path) -> None:
    trunks = {"lab": Trunk(host=running.LAB_HOST), "real": Trunk(host="sip.example.org")}
    resolved = running.resolve(ready(tmp_path, lab=Lab(enabled=True), trunks=trunks))
    assert resolved.trunks["real"].host == "sip.example.org"


def test_ports_that_nothing_uses_are_not_looked_for(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        pbx = FREE.model_copy(update={"tls_port": port})
        settings = ready(tmp_path, pbx=pbx, metrics=Metrics(port=port))
        resolved = running.resolve(settings)
        assert (resolved.pbx.tls_port, resolved.metrics.port) == (port, port)
        with pytest.raises(PortInUse, match=r"metrics\.port"):
            running.resolve(settings.model_copy(update={"metrics": Metrics(enabled=True, port=port)}))
        over_tls = {"real": Trunk(host="sip.example.org", transport="tls")}
        with pytest.raises(PortInUse, match=r"pbx\.tls_port"):
            running.resolve(settings.model_copy(update={"trunks": over_tls}))


def test_what_was_resolved_is_private_and_what_the_processes_read(tmp_path: Path) -> None:
    settings = ready(tmp_path, trunks={"real": Trunk(host="sip.example.org", password="secret")})
    resolved = running.resolve(settings)
    path = settings.resolved_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Settings.model_validate_json(path.read_text()) == resolved


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("pbx.sip_port", "udp"), ("pbx.ami_port", "tcp"), ("pbx.agi_port", "tcp"), ("lab.sip_port", "udp"),
     ("lab.media_port", "udp")],
)  # fmt: skip
def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path, setting: str, kind: str) -> None:
    section, _, name = setting.partition(".")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        changes: dict[str, Any] = {"pbx": FREE, "lab": Lab(enabled=True)}
        changes[section] = changes[section].model_copy(update={name: port})
        with pytest.raises(PortInUse, match=rf"setting {setting}: port {port}"):
            running.resolve(ready(tmp_path, **changes))


def test_two_settings_with_one_port_are_refused(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(PortInUse, match=r"setting pbx\.agi_port"):
        running.resolve(ready(tmp_path, pbx=Pbx(sip_port=0, ami_port=port, agi_port=port)))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's folder")
def test_another_users_run_folder_is_refused(tmp_path: Path) -> None:
    settings = ready(tmp_path)
    settings.run_dir.mkdir(exist_ok=True, mode=0o700)
    os.chown(settings.run_dir, 12345, 12345)
    with pytest.raises(SetUpFailed, match=str(settings.run_dir)):
        running.up(settings, print)


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_run_folder_that_others_could_use_is_refused(tmp_path: Path, kind: str) -> None:
    settings = settings_in(tmp_path, pbx=FREE)
    folder = settings.run_dir
    folder.parent.mkdir(parents=True, exist_ok=True)
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.write_text("in the way")
    with pytest.raises(SetUpFailed, match=str(folder)):
        running.up(settings, print)


def test_a_second_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ready(tmp_path)
    settings.run_dir.mkdir(exist_ok=True, mode=0o700)
    monkeypatch.setattr(Supervisor, "is_up", lambda _: True)
    with pytest.raises(Refused, match="up already"):
        running.up(settings, print)
    assert not settings.resolved_file.exists(), "the first one's ports stay as they are"


def test_one_var_folder_has_one_installation_even_where_it_cannot_be_asked(tmp_path: Path) -> None:
    """Its socket may be lost, or in the folder for temporary files of another environment."""
    settings = ready(tmp_path)
    config = settings.state_dir / "supervisord.conf"
    with subprocess.Popen([sys.executable, "-c", "input()", "-c", str(config)], stdin=subprocess.PIPE) as other:
        (settings.state_dir / "supervisord.pid").write_text(str(other.pid))
        wait_for(lambda: Path(f"/proc/{other.pid}/cmdline").read_bytes(), "the other process")
        with pytest.raises(Refused, match=f"process {other.pid} runs Portevoix"):
            running.up(settings, print)
        other.kill()
    (settings.state_dir / "supervisord.pid").write_text(str(os.getpid()))  # its number went to somebody else
    assert Supervisor(settings.run_dir, settings.state_dir, settings.log_dir).holder() == 0


@pytest.mark.parametrize("trouble", [NotReady("no"), KeyboardInterrupt()])
def test_what_does_not_come_up_is_stopped_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    done: list[str] = []

    def fails(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(running, "prepare", lambda *_: None)
    monkeypatch.setattr("ivr.adapters.pbx.render.render", lambda *_: None)
    monkeypatch.setattr(running, "_processes", lambda _: [])
    monkeypatch.setattr(running, "_wait_ready", fails)
    monkeypatch.setattr(Supervisor, "start", lambda *_: done.append("start"))
    monkeypatch.setattr(Supervisor, "is_up", lambda _: "start" in done)
    monkeypatch.setattr(Supervisor, "stop", lambda _: done.append("stop"))
    with pytest.raises(type(trouble)):
        running.up(settings_in(tmp_path, pbx=FREE), print)
    assert done == ["start", "stop"]


def test_the_managers_secret_is_one_and_private(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    found: set[str] = set()
    threads = [threading.Thread(target=lambda: found.add(ami_secret(settings))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [secret] = found
    assert len(secret) >= 32
    path = settings.var_dir / "keys" / "ami.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
