"""Supervisord: starts every process, restarts what dies, keeps the logs. Configured here, spoken to on its socket."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from ivr.adapters import orphans
from ivr.errors import NotReady, SetUpFailed

LOG_BYTES = 20_000_000
_COMMENT = re.compile(r"\s[#;]|[\r\n]")


class _Fault(NotReady):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"the supervisor says {text}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Process:
    """One process to be kept running. priority: low starts first and stops last. env: added to ours."""

    name: str
    command: Sequence[str]
    priority: int
    env: Mapping[str, str] = field(default_factory=dict)
    stop_wait_s: int = 10
    stop_signal: str = "TERM"


@dataclass(frozen=True, slots=True)
class State:
    """What supervisord says of a process."""

    name: str
    state: str
    pid: int
    since_s: int
    detail: str


class Supervisor:
    """The supervisord of one var folder."""

    def __init__(self, run_dir: Path, state_dir: Path, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._socket = run_dir / "supervisor.sock"
        self._config = state_dir / "supervisord.conf"
        self._pid_file = state_dir / "supervisord.pid"

    def start(self, processes: Sequence[Process], foreground: bool = False) -> None:
        """Supervisord runs with these processes. In the foreground it returns only when told to stop."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._config.write_text(self._render(processes), encoding="utf-8")
        self._config.chmod(0o600)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._config)]
        # The settings were read already: what the children get is the file of resolved settings alone.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("IVR_")}
        if foreground:
            os.execve(sys.executable, [*command, "-n"], clean)  # noqa: S606 - the same process, for systemd and containers
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=clean)
        if done.returncode:
            raise SetUpFailed(f"the supervisor did not start: {(done.stderr or done.stdout).strip()[-300:]}")

    def is_up(self) -> bool:
        """True when it answers."""
        try:
            self._call("supervisor.getState")
        except NotReady:
            return False
        return True

    def holder(self) -> int:
        """The process id of the supervisord that has this state folder, 0 if none: it may be up where we cannot ask."""
        pid = self._pid()
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return 0
        return pid if os.fsencode(self._config) in command.split(b"\0") else 0

    def orphans(self) -> dict[int, str]:
        """The processes that a killed supervisor of this folder left, with their names; none while one is up."""
        return {} if self.is_up() or self.holder() else orphans.find(f"unix://{self._socket}")

    def states(self) -> list[State]:
        """What each process does. Raises NotReady when nothing was started."""
        infos: Any = self._call("supervisor.getAllProcessInfo")
        return [
            State(
                i["name"],
                i["statename"].lower(),
                i["pid"],
                max(0, i["now"] - i["start"]),
                i["spawnerr"] or i["description"],
            )
            for i in infos
        ]

    def stop_process(self, name: str) -> None:
        """That process has ended and is not started again; nothing happens if it has ended already."""
        try:
            self._call("supervisor.stopProcess", name)
        except _Fault as fault:
            if fault.code not in (Faults.NOT_RUNNING, Faults.BAD_NAME):
                raise

    def stop(self, timeout_s: float = 30.0) -> None:
        """Every process has ended, and supervisord too."""
        pid = self._pid()
        self._call("supervisor.shutdown")
        deadline = time.monotonic() + timeout_s
        while pid and _alive(pid):
            if time.monotonic() > deadline:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                raise NotReady(f"the supervisor (pid {pid}) did not end within {timeout_s:g} s and was killed")
            time.sleep(0.05)

    def _pid(self) -> int:
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return 0

    def _call(self, method: str, *arguments: str) -> object:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            with ServerProxy("http://localhost", transport) as proxy:
                called: Any = getattr(proxy, method)
                return called(*arguments)
        except Fault as error:
            raise _Fault(error.faultCode, error.faultString) from error
        except (OSError, HTTPException, ProtocolError) as error:
            raise NotReady("Portevoix is not up here; `ivr up` starts it") from error
        finally:
            transport.close()

    def _render(self, processes: Sequence[Process]) -> str:
        head = [
            "[unix_http_server]",
            f"file = {_value(str(self._socket))}",
            "chmod = 0600",
            "[supervisord]",
            f"logfile = {_value(str(self._log_dir / 'supervisor.log'))}",
            f"pidfile = {_value(str(self._pid_file))}",
            f"childlogdir = {_value(str(self._log_dir))}",
            "logfile_maxbytes = 5MB",
            "minfds = 1024",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        ]
        return "\n".join([*head, *(line for process in processes for line in self._program(process))]) + "\n"

    def _program(self, process: Process) -> list[str]:
        environment = ",".join(f"{key}={_in_quotes(value)}" for key, value in process.env.items())
        return [
            f"[program:{process.name}]",
            f"command = {_value(' '.join(_quoted(part) for part in process.command))}",
            f"environment = {_value(environment)}",
            f"priority = {process.priority}",
            "autorestart = true",
            "startsecs = 1",
            "startretries = 1000000",  # a part whose neighbour is away keeps trying, with supervisord's growing pauses
            f"stopsignal = {process.stop_signal}",
            f"stopwaitsecs = {process.stop_wait_s}",
            "stopasgroup = false",
            "killasgroup = true",
            "redirect_stderr = true",
            f"stdout_logfile = {_value(_value(str(self._log_dir / (process.name + '.log'))))}",  # expanded twice
            f"stdout_logfile_maxbytes = {LOG_BYTES}",
            "stdout_logfile_backups = 3",
        ]


def _value(text: str) -> str:
    """Supervisord expands % in every value, ends it at a comment, and knows no way to write either otherwise."""
    if _COMMENT.search(text):
        raise SetUpFailed(
            f"a path or setting with a blank before # or ; cannot be used, nor with a line break: {text!r}"
        )
    return text.replace("%", "%%")


def _in_quotes(text: str) -> str:
    """A value of an environment, where supervisord knows quotes but no escapes."""
    quote = "'" if '"' in text else '"'
    if quote in text:
        raise SetUpFailed(f"a path with both kinds of quotes cannot be used: {text}")
    return f"{quote}{text}{quote}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
