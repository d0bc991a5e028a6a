"""The files below monitoring/ are what the real Prometheus, promtool and amtool take them for."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring.grafana.dashboards import CHOICES, DASHBOARDS, PROMETHEUS, files
from waiting import wait_until

MONITORING = Path(__file__).resolve().parents[3] / "monitoring"
RULES = MONITORING / "prometheus" / "pegel-rules.yml"
ROUTES = MONITORING / "alertmanager" / "alertmanager.yml"
CHOSEN = {"$model": "delays", "$version": "1", "$feature": "departure_delay"}


def program(name: str) -> str:
    """Return where a program of Debian's packages is; without it the test is skipped, loudly."""
    found = shutil.which(name)
    if found is None:
        message = f"NOT TESTED WITH {name.upper()}: apt-get install prometheus prometheus-alertmanager"
        pytest.skip(message)
    return found


def run(*command: str | Path) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=50)

    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stdout + done.stderr)
    return done.stdout


def test_rules_are_taken_by_promtool() -> None:
    """All of them, and the example of a configuration with them."""
    promtool = program("promtool")
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]

    assert f"{len(rules)} rules found" in run(promtool, "check", "rules", RULES)
    assert "is valid" in run(promtool, "check", "config", RULES.with_name("prometheus.yml"))


def test_alarms_begin_and_stay_quiet_as_written() -> None:
    """Promtool plays the series of the file beside the rules."""
    assert "SUCCESS" in run(program("promtool"), "test", "rules", RULES.with_name("pegel-rules-test.yml"))


def test_every_alarm_says_what_and_what_next() -> None:
    """A severity, a team, a sentence, the next command."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    alarms = [rule for rule in rules if "alert" in rule]

    assert {("severity", "team")} == {tuple(sorted(alarm["labels"])) for alarm in alarms}
    assert {("next", "summary")} == {tuple(sorted(alarm["annotations"])) for alarm in alarms}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=PegelAirflowDead team=platform severity=critical", "platform-pager"),
        ("alertname=PegelLagGrows team=platform severity=warning", "platform-mail"),
        ("alertname=PegelWatchingWrong team=platform severity=critical", "platform-pager"),
        ("alertname=PegelWatchingWrong team=platform severity=info", "nobody"),
        ("alertname=PegelModelDrifting team=models severity=critical", "models-pager"),
        ("alertname=PegelModelDrifting team=models severity=warning", "models-mail"),
        ("alertname=PegelModelDrifting team=models severity=info", "nobody"),
        ("alertname=PegelNoTraffic team=models severity=info", "nobody"),
    ],
)
def test_alarms_reach_whom_the_routes_name(labels: str, receiver: str) -> None:
    """Amtool takes the example, and says who is told."""
    amtool = program("amtool")
    run(amtool, "check-config", ROUTES)

    assert receiver == run(amtool, "config", "routes", "test", f"--config.file={ROUTES}", *labels.split()).strip()


def test_dashboards_are_what_the_program_writes() -> None:
    """Each file is the program's word for word: `python -m monitoring.grafana.dashboards`."""
    assert {path: text == path.read_text() for path, text in files().items()} == dict.fromkeys(files(), True)
    assert set(files()) == set((MONITORING / "grafana").glob("*/*.json"))


@pytest.fixture
def prometheus(door: str, tmp_path: Path) -> Iterator[str]:
    """The address of a real Prometheus that scrapes the exporter each second, by the rules."""
    binary = program("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "pegel", "static_configs": [{"targets": [door]}]}],
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    command = [binary, f"--config.file={file}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
        try:
            assert wait_until(lambda: has_recorded(address), within_s=45), (tmp_path / "log").read_text()[-2_000:]
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def has_recorded(address: str) -> bool:
    """Say whether the rules of each group were evaluated, and the exporter scraped twice."""
    wanted = ("pegel:model_drift_score:max", "pegel:pass_age:seconds", "rate(pegel_group_batches_total[5m])", "ALERTS")
    try:
        return all(answered(address, "query", query=question) for question in wanted)
    except OSError:
        return False


def answered(address: str, what: str, **question: str) -> Any:
    """Return what Prometheus answers; it refuses a question that it cannot read."""
    asked = urllib.parse.urlencode(question)
    with urllib.request.urlopen(f"http://{address}/api/v1/{what}?{asked}", timeout=20) as answer:
        data = json.loads(answer.read())["data"]
    return data["result"] if isinstance(data, dict) else data


def chosen(question: str) -> str:
    """Return a question with what a person has chosen."""
    for name, value in CHOSEN.items():
        question = question.replace(name, value)
    return question


def test_a_real_prometheus_answers_every_dashboard(prometheus: str) -> None:
    """It scrapes, records, and has series for each panel and each choice; the driver that is silent is an alarm."""
    questions = {panel.prometheus for _, panels, _ in DASHBOARDS.values() for panel in panels if panel.prometheus}
    empty = sorted(question for question in questions if not answered(prometheus, "query", query=chosen(question)))
    values = {}
    for name, (_, question) in CHOICES.items():
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", chosen(question)).groups()  # type: ignore[union-attr]
        values[name] = answered(prometheus, f"label/{label}/values", **{"match[]": selector})
    firing = answered(prometheus, "query", query='ALERTS{alertstate="firing"}')

    assert [] == empty
    assert {"model": ["delays"], "version": ["1"], "feature": ["departure_delay"]} == values
    assert {"PegelAirflowDead", "PegelDriverSilent"} <= {each["metric"]["alertname"] for each in firing}
    assert PROMETHEUS in {path.parent.name for path in files()}
