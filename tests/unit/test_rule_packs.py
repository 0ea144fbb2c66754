from datetime import date
from pathlib import Path

import pytest
import yaml

from ivr.adapters import rule_packs
from ivr.errors import BadSetting, NotFound
from ivr.rules.gate_checks import MAKERS
from ivr.rules.pack import MessageClass
from tests.unit.lawful import TODAY, pack

SMALL = """
scheme: portevoix-rules/1
pack: zz
version: 2026-01-01
effective_from: 2026-01-01
says: {fr: Nulle part, en: Nowhere}
zone: UTC
longest_call_s: 60
rules:
  - id: ZZ-1
    kind: age
    source: a law of nowhere
    confidence: H
    least: 18
    says: {fr: Des adultes, en: Adults only}
"""


def test_there_are_six_and_each_can_be_read() -> None:
    assert rule_packs.names() == ["ca", "eu", "fr", "gb", "sn", "us"]
    assert [pack(name).name for name in rule_packs.names()] == [f"{name}/2026-11-22" for name in rule_packs.names()]


@pytest.mark.parametrize("name", ["ca", "eu", "fr", "gb", "sn", "us"])
def test_each_asks_for_the_number_the_paper_the_permission_and_the_hours(name: str) -> None:
    """What no pack may lack, for political messages; a rule that is not sure says so."""
    rules = [rule for rule in pack(name).rules if rule.is_about(MessageClass.ELECTORAL)]
    kinds = {rule.kind for rule in rules}
    assert {"class_limit", "exclusive", "dossier", "grant", "numbers", "caller_id", "hours", "frequency"} <= kinds
    for rule in pack(name).rules:
        assert rule.source
        assert rule.says.fr != rule.says.en
        assert rule.says.fr.rstrip().endswith(".")
        assert rule.says.en.rstrip().endswith(".")
        assert rule.unsure or rule.confidence in {"H", "P"}


def test_every_kind_of_rule_has_its_function() -> None:
    used = {rule.kind for name in rule_packs.names() for rule in pack(name).rules}
    assert used == set(MAKERS)


def test_a_pack_that_is_not_there_is_named_with_those_that_are() -> None:
    for name in ("base", "FR", "../fr", "", "common"):
        with pytest.raises(NotFound, match="base, ca, eu, fr, gb, sn, us"):
            rule_packs.pack_on(name, TODAY)


@pytest.mark.parametrize(
    ("was", "then", "why"),
    [
        ("least: 18", "least: 18\n    most: 99", "most: Extra inputs are not permitted"),
        ("kind: age", "kind: beard", "kind.* does not match|Input tag"),
        ("least: 18", "least: many", "least: Input should be a valid integer"),
        ("confidence: H", "confidence: M", "confidence M and L need `unsure`"),
        ("confidence: H", "", "confidence: Field required"),
        ("source: a law of nowhere", "source: ''", "source: String should have at least"),
        ("zone: UTC", "zone: Nowhere/City", "time zones that are not known: Nowhere/City"),
        ("id: ZZ-1", "id: zz 1", "String should match pattern"),
        ("version: 2026-01-01", "version: soon", "version: "),
        ("rules:", "rule:", "Field required|Extra inputs"),
        ("scheme: portevoix-rules/1", "scheme: portevoix-rules/2", "scheme: "),
        ("pack: zz", "pack: !!python/object/apply:os.system [ls]", "cannot be read"),
        (SMALL, "- a list", "no table"),
        (SMALL, "a: [", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_file(tmp_path: Path, was: str, then: str, why: str) -> None:
    file = tmp_path / "zz-2026-01-01.yaml"
    assert was in SMALL
    file.write_text(SMALL.replace(was, then, 1))
    with pytest.raises(BadSetting, match=why) as refused:
        rule_packs.read(file)
    assert "zz-2026-01-01.yaml" in str(refused.value)


def test_the_version_of_the_day_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_packs, "FOLDER", tmp_path)
    rule_packs.pack_on.cache_clear()
    first = yaml.safe_load(SMALL) | {"effective_to": date(2026, 6, 30)}
    second = yaml.safe_load(SMALL) | {"version": date(2026, 5, 1), "effective_from": date(2026, 7, 1)}
    for one in (first, second):
        (tmp_path / f"zz-{one['version']}.yaml").write_text(yaml.safe_dump(one))
    try:
        assert rule_packs.pack_on("zz", date(2026, 6, 30)).name == "zz/2026-01-01"
        assert rule_packs.pack_on("zz", date(2026, 7, 1)).name == "zz/2026-05-01"
        assert rule_packs.pack_on("zz", date(2025, 7, 1)).name == "zz/2026-05-01", "none holds: the Gate says no"
    finally:
        rule_packs.pack_on.cache_clear()


def test_what_a_pack_inherits_and_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "zz-2026-01-01.yaml").write_text(SMALL)
    child = yaml.safe_load(SMALL) | {"pack": "zy", "inherits": "zz/2026-01-01"}
    child["rules"] = [child["rules"][0] | {"id": "ZY-1"}]
    file = tmp_path / "zy-2026-01-01.yaml"
    file.write_text(yaml.safe_dump(child))
    assert [rule.id for rule in rule_packs.read(file).rules] == ["ZY-1", "ZZ-1"]
    without = tmp_path / "zy-2026-01-02.yaml"
    without.write_text(yaml.safe_dump(child | {"without": ["ZZ-1"]}))
    assert [rule.id for rule in rule_packs.read(without).rules] == ["ZY-1"]
    wrong = tmp_path / "zy-2026-01-03.yaml"
    wrong.write_text(yaml.safe_dump(child | {"without": ["ZZ-2"]}))
    with pytest.raises(BadSetting, match="leaves out ZZ-2"):
        rule_packs.read(wrong)
