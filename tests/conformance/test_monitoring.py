"""Check the alert rules and the dashboard queries with Prometheus' promtool."""

import json
import shutil
import subprocess
from pathlib import Path

import yaml
from build import build

MONITORING = Path("package/monitoring")


def promtool(*command: object, stdin: str | None = None) -> str:
    done = subprocess.run(
        [build("promtool"), *map(str, command)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_the_alerts_are_valid_and_fire_as_expected(tmp_path: Path) -> None:
    manifest = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(manifest["spec"]))
    alerts = sum(len(group["rules"]) for group in manifest["spec"]["groups"])
    said = promtool("check", "rules", "--lint-fatal", tmp_path / "rules.yaml")
    assert f"{alerts} rules found" in said
    shutil.copy(MONITORING / "rules_test.yaml", tmp_path)
    tested = (MONITORING / "rules_test.yaml").read_text()
    for group in manifest["spec"]["groups"]:
        for rule in group["rules"]:
            assert rule["alert"] in tested
    promtool("test", "rules", tmp_path / "rules_test.yaml")


def test_the_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    queries = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    rules = [
        {"record": f"query:{n}", "expr": query.replace("$__rate_interval", "5m")}
        for n, query in enumerate(queries)
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)
