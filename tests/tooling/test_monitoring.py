"""What alerts and the dashboard ask for is what the function serves."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import generate_latest

from function.composition.conditions import Reason
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
    metrics.Metrics(registry).record(rsp, 0.001, ["image"])
    text = (generate_latest(REGISTRY) + generate_latest(registry)).decode()
    return set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))


@pytest.mark.parametrize("query", queries().values(), ids=queries())
def test_every_metric_is_one_that_is_served(query: str) -> None:
    asked = set(NAMES.findall(query))
    assert asked
    assert asked <= served()


def test_every_reason_in_a_query_is_a_reason_of_the_condition() -> None:
    reasons = {
        reason
        for query in queries().values()
        for several in re.findall(r'reason=~?"([^"]+)"', query)
        for reason in several.split("|")
    }
    assert reasons
    assert reasons <= set(get_args(Reason))


RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"][
        "groups"
    ]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_every_alert_has_a_description_and_a_place_in_the_docs(
    rule: dict[str, Any],
) -> None:
    assert set(rule["annotations"]) == {"summary", "description"}
    assert f"`{rule['alert']}`" in Path("docs/production.md").read_text()
