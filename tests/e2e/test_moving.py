"""Move claims from the patch-and-transform recipe to this function, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import claims
import pytest
import yaml
from build import build
from system import MANIFESTS, ROOT, System

RECIPE = yaml.safe_load(
    (ROOT / "tests/conformance/original/composition.yaml").read_text()
)


def pipeline_of_the_recipe() -> dict[str, Any]:
    """Return the recipe as a pipeline for function-patch-and-transform."""
    spec = {k: v for k, v in RECIPE["spec"].items() if k != "resources"}
    step = {
        "step": "patch-and-transform",
        "functionRef": {"name": "function-patch-and-transform"},
        "input": {
            "apiVersion": "pt.fn.crossplane.io/v1beta1",
            "kind": "Resources",
            "resources": RECIPE["spec"]["resources"],
        },
    }
    return {**RECIPE, "spec": {**spec, "mode": "Pipeline", "pipeline": [step]}}


@pytest.fixture(scope="module")
def recipes(system: System) -> System:
    """The system with the real function-patch-and-transform also installed."""
    system.install_function(
        "function-patch-and-transform",
        MANIFESTS / "patch-and-transform",
        build("patch-and-transform"),
    )
    return system


@pytest.mark.parametrize("native", [False, True], ids=["pipeline", "native"])
def test_moving_from_patch_and_transform_and_back(
    recipes: System, *, native: bool
) -> None:
    system = recipes
    name = f"moves-{'native' if native else 'pipeline'}"
    system.kubectl.apply(pipeline_of_the_recipe())
    claims.apply(system, name)
    claims.wait_ready(system, name)
    if native:
        # Native patch and transform in Crossplane v1 used updates, not server-side
        # apply. Clear managedFields to get the same state.
        for r in claims.resources_of(system, name):
            system.kubectl(
                *("patch", "repositories.ecr.aws.crossplane.io", r["metadata"]["name"]),
                *("--type=json", "--field-manager=crossplane", "-p"),
                '[{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]',
            )
    claims.push(system, *claims.names(name))
    images = claims.contents(system, claims.names(name))

    def unchanging() -> tuple[Any, ...]:
        return (
            [
                (r["metadata"]["name"], r["metadata"]["uid"])
                for r in claims.resources_of(system, name)
            ],
            claims.contents(system, claims.names(name)),
        )

    def identified() -> list[bool]:
        label = "ecrrepos.fn.tap.vrabbi.cloud/repository"
        return [
            label in r["metadata"]["labels"] for r in claims.resources_of(system, name)
        ]

    def settled() -> bool:
        # At first a claim may alternate between Ready and not Ready.
        now = claims.condition(claims.claim(system, name), "Ready")
        since = datetime.fromisoformat(now["lastTransitionTime"])
        age = datetime.now(UTC) - since
        return now["status"] == "True" and age > timedelta(seconds=5)

    system.wait("it has been Ready for a while", settled)
    before = unchanging()
    watch = system.programs.start(
        f"watch-{name}",
        *(system.kubectl.program, f"--kubeconfig={system.kubectl.kubeconfig}"),
        *("get", "workloadecrrepos", name, "--watch", "--output"),
        r'jsonpath={.status.conditions[?(@.type=="Ready")].status}{"\n"}',
    )
    system.kubectl.apply(system.composed_with())
    system.wait(
        "the function manages it",
        lambda: identified() == [True, True],
    )
    assert unchanging() == before
    policies = {r["spec"]["deletionPolicy"] for r in claims.resources_of(system, name)}
    assert policies == {"Delete"}, "the recipe's provider created them"

    system.kubectl.apply(pipeline_of_the_recipe())
    system.wait("the recipe manages it again", lambda: not any(identified()))
    assert unchanging() == before

    assert claims.contents(system, claims.names(name)) == images
    watch.stop()
    assert set(watch.log.read_text().split()) == {"True"}, "Ready throughout"
    system.kubectl.apply(system.composed_with())
    claims.delete(system, name, wait=False)
