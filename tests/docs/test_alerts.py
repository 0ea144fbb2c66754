"""The alert rules and the dashboard ask for metrics that exist; each alert fires for its fault and has its runbook."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ivr.settings import HOME
from ivr.usecases.metering import FAMILIES
from tests.prometheus import program

FOLDER = HOME / "asterisk" / "monitoring"
ALERTS = FOLDER / "alerts.yml"
RUNBOOK = HOME / "docs" / "runbook.md"
NAMES = {f"{name}_total" if kind == "counter" else name for name, (kind, _, _) in FAMILIES.items()}

FAULTS: dict[str, dict[str, str]] = {
    "PortevoixMetricsGone": {'up{job="portevoix"}': "0x60"},
    "PortevoixDatabaseDown": {"portevoix_database_up": "0x60"},
    "PortevoixRedisDown": {"portevoix_redis_up": "0x60"},
    "PortevoixPbxLinkDown": {'portevoix_pbx_link_up{pbx="a"}': "0x60"},
    "PortevoixPbxSilent": {'portevoix_pbx_beat_age_seconds{pbx="a"}': "0+60x60"},
    "PortevoixWorkersGone": {'portevoix_workers{queue="record"}': "0x60"},
    "PortevoixResultsBuried": {"portevoix_results_buried": "1x60"},
    "PortevoixTrunkOverRate": {
        'portevoix_trunk_worst_second_calls{trunk="a",pbx="p"}': "5x57 6x3",
        'portevoix_trunk_rate_limit_cps{trunk="a"}': "4.5x60",
    },
    "PortevoixTrunkParked": {'portevoix_trunk_parked{trunk="a",pbx="p"}': "1x60"},
    "PortevoixChannelsNearlyFull": {
        'portevoix_trunk_live_calls{trunk="a"}': "97x60", 'portevoix_trunk_channels_limit{trunk="a"}': "100x60",
    },
    "PortevoixResultsWaiting": {"portevoix_results_waiting": "20000x60"},
    "PortevoixNobodyAnswers": {
        'portevoix_campaign_answered_total{campaign="c"}': "0x60",
        'portevoix_campaign_calls_total{campaign="c"}': "0+60x60",
    },
    "PortevoixManyStops": {
        'portevoix_campaign_stops_total{campaign="c"}': "0+3x60",
        'portevoix_campaign_answered_total{campaign="c"}': "0+10x60",
    },
    "PortevoixEventsDropped": {'portevoix_ami_events_dropped_total{pbx="a"}': "0+1x60"},
    "PortevoixHalted": {"portevoix_halted": "1x60"},
    "PortevoixDiskNearlyFull": {"portevoix_disk_free_bytes": "5x60", "portevoix_disk_size_bytes": "100x60"},
    "PortevoixCertificateExpires": {"portevoix_certificate_expires_seconds": "86400x60"},
}  # fmt: skip
WELL: dict[str, str] = {
    'up{job="portevoix"}': "1x60",
    "portevoix_database_up": "1x60",
    "portevoix_redis_up": "1x60",
    'portevoix_pbx_link_up{pbx="a"}': "1x60",
    'portevoix_pbx_beat_age_seconds{pbx="a"}': "1x60",
    'portevoix_workers{queue="record"}': "1x60",
    "portevoix_results_buried": "0x60",
    'portevoix_trunk_worst_second_calls{trunk="a",pbx="p"}': "0x10 4x49",
    'portevoix_trunk_rate_limit_cps{trunk="a"}': "3.5x60",
    'portevoix_trunk_parked{trunk="a",pbx="p"}': "0x60",
    'portevoix_trunk_live_calls{trunk="a"}': "50x60",
    'portevoix_trunk_channels_limit{trunk="a"}': "100x60",
    "portevoix_results_waiting": "3x60",
    'portevoix_campaign_calls_total{campaign="c"}': "0+60x60",
    'portevoix_campaign_answered_total{campaign="c"}': "0+30x60",
    'portevoix_campaign_stops_total{campaign="c"}': "0+1x60",
    'portevoix_ami_events_dropped_total{pbx="a"}': "0x60",
    "portevoix_halted": "0x60",
    "portevoix_disk_free_bytes": "50x60",
    "portevoix_disk_size_bytes": "100x60",
    "portevoix_certificate_expires_seconds": "8640000x60",
}


def rules() -> list[dict[str, Any]]:
    [group] = YAML(typ="safe").load(ALERTS)["groups"]
    return list(group["rules"])


def metrics_of(text: str) -> set[str]:
    return set(re.findall(r"portevoix_\w+", text))


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = {name for rule in rules() for name in metrics_of(rule["expr"])}
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    asked |= {name for panel in panels for target in panel["targets"] for name in metrics_of(target["expr"])}
    assert asked <= NAMES
    assert NAMES - asked <= {"portevoix_campaigns", "portevoix_pbx_live_calls", "portevoix_pbx_channels_limit"}


def test_every_alert_says_what_is_wrong_and_its_runbook_what_to_do() -> None:
    entries = re.split(r"^### ", RUNBOOK.read_text(encoding="utf-8"), flags=re.M)[1:]
    told = {entry.split("\n", 1)[0]: entry for entry in entries}
    assert set(told) == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]
        assert "**Look:**" in told[rule["alert"]]
        assert "**Do:**" in told[rule["alert"]]


def test_each_alert_fires_for_its_fault_and_none_without(tmp_path: Path) -> None:
    assert set(FAULTS) == {rule["alert"] for rule in rules()}
    cases = [_case(fault, {alert}) for alert, fault in FAULTS.items()] + [_case(WELL, set())]
    file = tmp_path / "alerts.test.yml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}))
    told = subprocess.run([program("promtool"), "test", "rules", file], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stdout + told.stderr


def _case(series: dict[str, str], firing: set[str]) -> dict[str, Any]:
    """An hour of those series, a value a minute, and what fires at its end."""
    asked = 'count by (alertname) (ALERTS{alertstate="firing"})'
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": asked, "eval_time": "60m", "exp_samples": samples}],
    }


@pytest.mark.parametrize("name", ["prometheus.yml"])
def test_prometheus_understands_its_configuration(name: str) -> None:
    told = subprocess.run(
        [program("promtool"), "check", "config", FOLDER / name], capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr
