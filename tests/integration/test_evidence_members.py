"""What can be done to the members of an evidence file: each is found, and said in one line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.adapters.signing import COMMENT, NotWhole, load_signing_key, opened, signed_zip
from ivr.usecases import evidence
from tests.integration.scene import Scene

Members = list[tuple[str, bytes]]


@pytest.fixture
def written(scene: Scene) -> Path:
    campaign = scene.campaign(1)
    scene.dialing(campaign)
    return evidence.write(scene.store, scene.settings, campaign.name, scene.settings.home / "evidence.zip")


def changes(members: Members) -> Iterator[Members]:
    """The members with one thing done to one of them: each thing, to each of them."""
    for at, (name, data) in enumerate(members):
        before, after = members[:at], members[at + 1 :]
        middle = len(data) // 2
        changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        yield [*before, (name, changed), *after]
        yield [*before, (name, data[:-1]), *after]
        yield [*before, (name + "x", data), *after]
        yield [*before, *after]
        yield [*before, ("added.json", b"{}"), (name, data), *after]
        yield [*before, *after[:1], (name, data), *after[1:]] if after else [(name, data), *before]


def packed(members: Members) -> bytes:
    """As `signed_zip` packs them, in this order, without a signature."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        archive.comment = b"0" * COMMENT
    return buffer.getvalue()[:-COMMENT]


def said_of(file: Path, data: bytes, key: str = "") -> str:
    """Why the file is not whole, in one line."""
    file.write_bytes(data)
    with pytest.raises(NotWhole) as raised:
        evidence.verify(file, key)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_whatever_is_done_to_a_member_breaks_the_signature(written: Path) -> None:
    whole = written.read_bytes()
    members = list(opened(whole)[0].items())
    assert packed(members) + whole[-COMMENT:] == whole  # packed without a change, it would be believed
    for changed in changes(members):
        said = said_of(written, packed(changed) + whole[-COMMENT:])
        assert said == "a byte of it was changed since it was signed"


def test_whoever_signs_it_anew_is_told_which_member_he_changed(written: Path, tmp_path: Path) -> None:
    files, key = opened(written.read_bytes())
    other = load_signing_key(tmp_path / "other.key")
    for name, data in files.items():
        rest = {one: kept for one, kept in files.items() if one != name}
        if name != "manifest.json":
            assert f"{name} was changed" in said_of(written, signed_zip(other, rest | {name: data + b" "}))
            assert f"{name} is missing" in said_of(written, signed_zip(other, rest))
        else:
            assert "no manifest.json" in said_of(written, signed_zip(other, rest))
    assert "added.json was added" in said_of(written, signed_zip(other, files | {"added.json": b"{}"}))
    assert "another key" in said_of(written, signed_zip(other, files), key)
