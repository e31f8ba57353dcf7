"""What alerts and the dashboard ask for is what the function serves."""

import json
import re
from pathlib import Path

import pytest
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import generate_latest

from function.server import metrics

MONITORING = Path("package/monitoring")
NAMES = re.compile(r"\b((?:function_ecr_repos|process|python)_\w+)")


def queries() -> dict[str, str]:
    """Return each query, by what asks."""
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    asked = {
        rule["alert"]: rule["expr"]
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
    }
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked[f"{panel['title']} {target['refId']}"] = target["expr"]
    return asked


def served() -> set[str]:
    """Return the names of all series of a function that has answered."""
    registry = CollectorRegistry()
    rsp = fnv1.RunFunctionResponse()
    rsp.results.add(severity=fnv1.SEVERITY_FATAL)
    rsp.conditions.add(reason="NameTaken")
    metrics.Metrics(registry).record(rsp, 0.001)
    text = (generate_latest(REGISTRY) + generate_latest(registry)).decode()
    return set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))


@pytest.mark.parametrize("query", queries().values(), ids=queries())
def test_every_metric_is_one_that_is_served(query: str) -> None:
    asked = set(NAMES.findall(query))
    assert asked
    assert asked <= served()


def test_every_reason_is_one_that_claims_are_told() -> None:
    code = "".join(f.read_text() for f in Path("function").rglob("*.py"))
    for query in queries().values():
        for reasons in re.findall(r'reason=~?"([^"]+)"', query):
            for reason in reasons.split("|"):
                assert f'"{reason}"' in code, reason


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    docs = Path("docs/production.md").read_text()
    for group in rules["spec"]["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description"}
            assert f"`{rule['alert']}`" in docs, rule["alert"]
