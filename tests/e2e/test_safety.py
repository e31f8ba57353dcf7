"""Nobody's images are lost: the guards, on the real programs."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from build import build
from control_plane import KubectlError
from system import FUNCTION, MANIFESTS, OURS, ROOT, System
from test_chain import (
    PREFIX,
    claim,
    claim_manifest,
    condition,
    direct,
    direct_condition,
    direct_ready,
    kept_by_their_claims,
    managed,
    names,
    ready,
    resources_of,
    workload,
)

# A loser asks again once a minute.
HEALS_S = 150
PAIRS = 50


def push(system: System, *repositories: str) -> None:
    """Put an image into repositories, as far as their endpoint knows images."""
    for name in repositories:
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MEDIA, "of": name})
        system.ecr.put_image(
            repositoryName=name, imageManifest=manifest, imageTag="kept"
        )


MEDIA = "application/vnd.oci.image.manifest.v1+json"


def contents(system: System, names: set[str]) -> dict[str, Any]:
    """Return each repository's making and images: what must not change."""
    return {
        r["repositoryName"]: (
            r["createdAt"],
            [
                image["imageDigest"]
                for image in system.ecr.describe_images(
                    repositoryName=r["repositoryName"]
                )["imageDetails"]
            ],
        )
        for page in system.ecr.get_paginator("describe_repositories").paginate()
        for r in page["repositories"]
        if r["repositoryName"] in names
    }


def told(system: System, name: str, reason: str, namespace: str = "default") -> str:
    """Wait until a claim says a reason; return the message beside it.

    One look has both: for a moment an older condition may come back, because the
    status that Crossplane applies first has the conditions that its cache had.
    """

    def look() -> str | None:
        found = direct_condition(system, "RepositoriesReady", name, namespace)
        return found["message"] if found.get("reason") == reason else None

    return system.wait(f"{name} says {reason}", look, HEALS_S)


def delete(system: System, name: str, namespace: str = "default") -> None:
    system.kubectl("delete", "workloadecrrepo", "-n", namespace, name)


@pytest.fixture
def colliding(system: System) -> Iterator[System]:
    """The system with the namespaces c and b-c."""
    for namespace in ("c", "b-c"):
        system.kubectl("create", "namespace", namespace)
    yield system
    for namespace in ("c", "b-c"):
        system.kubectl("delete", "namespace", namespace)


def test_of_two_claims_for_one_repository_one_gets_it(colliding: System) -> None:
    system = colliding
    wanted = {f"{PREFIX}/a-b-c", f"{PREFIX}/a-b-c-bundle"}
    direct(system, "first", "a-b", "c")
    system.wait("the first is Ready", lambda: direct_ready(system, "first", "c"), 120)
    push(system, *wanted)
    before = contents(system, wanted)
    assert all(images for _, images in before.values())

    direct(system, "second", "a", "b-c")
    said = told(system, "second", "NameTaken", "b-c")
    assert f"{PREFIX}/a-b-c" in said
    assert "first" not in said
    assert not direct_ready(system, "second", "b-c"), "it never was"
    delete(system, "second", "b-c")
    assert contents(system, wanted) == before

    direct(system, "second", "a", "b-c")
    told(system, "second", "NameTaken", "b-c")
    delete(system, "first", "c")
    system.wait(
        "the loser heals when the winner is gone",
        lambda: direct_ready(system, "second", "b-c"),
        HEALS_S,
    )
    # New ones: the winner took its own along.
    assert not any(images for _, images in contents(system, wanted).values())
    delete(system, "second", "b-c")
    system.wait("all are gone", lambda: not wanted & system.repositories())


def test_an_image_of_one_is_not_the_bundle_of_another(system: System) -> None:
    """Workload x in n-bundle, and the bundle of x in n."""
    spaces = ("n-bundle", "n")
    for namespace in spaces:
        system.kubectl("create", "namespace", namespace)
    image, bundle = f"{PREFIX}/x-n-bundle", f"{PREFIX}/x-n-bundle-bundle"
    direct(system, "x", "x", "n-bundle")
    system.wait("the first is Ready", lambda: direct_ready(system, "x", "n-bundle"), 90)
    push(system, image, bundle)
    before = contents(system, {image, bundle})
    direct(system, "x", "x", "n")
    told(system, "x", "NameTaken", "n")
    assert f"{PREFIX}/x-n" not in system.repositories(), "both or none"
    delete(system, "x", "n")
    assert contents(system, {image, bundle}) == before
    delete(system, "x", "n-bundle")
    system.wait("all go", lambda: not {image, bundle} & system.repositories())
    for namespace in spaces:
        system.kubectl("delete", "namespace", namespace)


def test_of_fifty_pairs_that_race_one_each_gets_the_repositories(
    colliding: System,
) -> None:
    system = colliding
    # Opposite orders, so that each side is first somewhere.
    sides = {
        "c": [claim_manifest(f"p{n}", f"p{n}-b", "c") for n in range(PAIRS)],
        "b-c": [claim_manifest(f"p{n}", f"p{n}", "b-c") for n in range(PAIRS)][::-1],
    }
    with ThreadPoolExecutor(len(sides)) as pool:
        for applied in [pool.submit(system.kubectl.apply, *s) for s in sides.values()]:
            applied.result()

    def outcome() -> dict[tuple[str, str], tuple[bool, str]]:
        return {
            (c["metadata"]["namespace"], c["metadata"]["name"]): (
                condition(c, "Ready").get("status") == "True",
                condition(c, "RepositoriesReady").get("reason", ""),
            )
            for namespace in sides
            for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
        }

    def decided() -> dict[tuple[str, str], tuple[bool, str]]:
        found = outcome()
        told = ([found[side, f"p{n}"] for side in sides] for n in range(PAIRS))
        # Adopted: its provider tried twice, see test_two_hundred_workloads_at_once.
        winners = {(True, "Available"), (True, "Adopted")}
        return (
            found
            if all((False, "NameTaken") in pair and winners & {*pair} for pair in told)
            else {}
        )

    # One look says who lost: see told().
    found = system.wait("each pair has one winner, and one who is told", decided, 400)
    losers = [who for who, (is_ready, _) in found.items() if not is_ready]
    print(f"of {PAIRS} pairs {sum(side == 'c' for side, _ in losers)} lost in c")
    wanted = {
        f"{PREFIX}/p{n}-b-c{end}" for n in range(PAIRS) for end in ("", "-bundle")
    }
    push(system, *wanted)
    before = contents(system, wanted)
    assert len(before) == len(wanted)
    for side in sides:
        gone = [name for namespace, name in losers if namespace == side]
        if gone:
            system.kubectl("delete", "workloadecrrepo", "-n", side, *gone)
    assert contents(system, wanted) == before
    kept = kept_by_their_claims(system) & wanted
    print(f"{len(kept)} of {len(wanted)} repositories count as found there")
    assert len(kept) < len(wanted) // 10
    for side in sides:
        system.kubectl("delete", "workloadecrrepo", "-n", side, "--all")
    system.wait(
        "the winners take theirs along",
        lambda: wanted & system.repositories() == kept,
        120,
    )
    for name in kept:
        system.ecr.delete_repository(repositoryName=name, force=True)


def adopted(system: System, name: str) -> tuple[str, dict[str, Any]]:
    """Have a claim adopt an image's repository; return its name and contents."""
    image = f"{PREFIX}/{name}-default"
    system.ecr.create_repository(repositoryName=image)
    push(system, image)
    before = contents(system, {image})
    direct(system, name)
    assert f"not created by it: {image}. Deleting the claim keeps it" in told(
        system, name, "Adopted"
    )
    return image, before


def test_what_was_there_before_is_used_and_kept(system: System) -> None:
    image, before = adopted(system, "heirloom")
    bundle = f"{image}-bundle"
    system.wait("it is usable", lambda: direct_ready(system, "heirloom"))
    delete(system, "heirloom")
    system.wait("the claim's own goes", lambda: bundle not in system.repositories())
    system.wait("no resource is left", lambda: not {image, bundle} & managed(system))
    assert contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)


RECIPE = yaml.safe_load(
    (ROOT / "tests/conformance/original/composition.yaml").read_text()
)
OUR_COMPOSITION = ROOT / "package/configuration/composition.yaml"


def pipeline_of_the_recipe() -> dict[str, Any]:
    """Return the recipe as function-patch-and-transform takes it."""
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
    """The system with the real function-patch-and-transform installed too."""
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
    direct(system, name)
    system.wait("it is Ready by the recipe", lambda: direct_ready(system, name), 120)
    if native:
        # Crossplane v1's own patch and transform updated, and knew no field managers
        # of server-side apply: as if all had been written by one update.
        for r in resources_of(system, name):
            system.kubectl(
                *("patch", "repositories.ecr.aws.crossplane.io", r["metadata"]["name"]),
                *("--type=json", "--field-manager=crossplane", "-p"),
                '[{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]',
            )
    push(system, *names(name))
    images = contents(system, names(name))

    def unchanging() -> tuple[Any, ...]:
        return (
            [
                (r["metadata"]["name"], r["metadata"]["uid"])
                for r in resources_of(system, name)
            ],
            contents(system, names(name)),
        )

    def identified() -> list[bool]:
        label = "ecrrepos.fn.tap.vrabbi.cloud/repository"
        return [label in r["metadata"]["labels"] for r in resources_of(system, name)]

    def settled() -> bool:
        # At first a claim may be Ready, and not, and Ready again.
        now = direct_condition(system, "Ready", name)
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
    system.kubectl("apply", "-f", OUR_COMPOSITION)
    system.wait("it is ours", lambda: identified() == [True, True], HEALS_S)
    assert unchanging() == before
    policies = {r["spec"]["deletionPolicy"] for r in resources_of(system, name)}
    assert policies == {"Delete"}, "the recipe's provider created them"

    system.kubectl.apply(pipeline_of_the_recipe())
    system.wait("it is the recipe's again", lambda: not any(identified()), HEALS_S)
    assert unchanging() == before

    assert contents(system, names(name)) == images
    watch.stop()
    assert set(watch.log.read_text().split()) == {"True"}, "Ready throughout"
    system.kubectl("apply", "-f", OUR_COMPOSITION)
    delete(system, name)
    system.wait("it goes", lambda: not names(name) & system.repositories(), 120)


def test_switching_the_bundle_off_keeps_the_bundles_there_are(system: System) -> None:
    direct(system, "bundled")
    system.wait("it is Ready", lambda: direct_ready(system, "bundled"), 120)
    push(system, *names("bundled"))
    before = contents(system, names("bundled"))
    off = yaml.safe_load(OUR_COMPOSITION.read_text())
    off["spec"]["pipeline"][0]["input"] = {
        "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
        "kind": "Input",
        "bundle": False,
    }
    system.kubectl.apply(off)
    try:
        direct(system, "unbundled")
        system.wait(
            "a new one has none", lambda: direct_ready(system, "unbundled"), 120
        )
        assert len(names("unbundled") & system.repositories()) == 1

        def kept() -> bool:
            said = direct_condition(system, "RepositoriesReady", "bundled")
            return "`bundle` is false now" in said["message"]

        system.wait("the claim tells what is kept", kept, HEALS_S)
        assert contents(system, names("bundled")) == before
        delete(system, "unbundled")
    finally:
        system.kubectl("replace", "-f", OUR_COMPOSITION)
    delete(system, "bundled")
    system.wait("all go", lambda: not names("bundled") & system.repositories(), 120)


def test_a_namespace_takes_its_repositories_along(system: System) -> None:
    system.kubectl("create", "namespace", "leaving")
    direct(system, "passenger", namespace="leaving")
    system.wait(
        "it is Ready", lambda: direct_ready(system, "passenger", "leaving"), 120
    )
    system.kubectl("delete", "namespace", "leaving", "--timeout=120s")
    system.wait(
        "its repositories are gone",
        lambda: not names("passenger", "leaving") & system.repositories(),
        120,
    )


def test_a_claim_can_go_after_its_composition_and_function(system: System) -> None:
    """A deleted XR is not run through the pipeline: nothing hangs on a finalizer."""
    direct(system, "survivor")
    system.wait("it is Ready", lambda: direct_ready(system, "survivor"), 120)
    push(system, *names("survivor"))
    before = contents(system, names("survivor"))
    system.kubectl("delete", "composition", "workloadecrrepo")
    system.kubectl("delete", "functions.pkg.crossplane.io", FUNCTION)
    system[FUNCTION].stop()
    try:
        direct(system, "too-late")

        def told() -> bool:
            said = system.kubectl.all("events", "-n", "default")
            return any(
                e["involvedObject"].get("name", "").startswith("too-late-")
                and "Composition" in e["message"]
                for e in said
            )

        system.wait("an event of its XR says what is missing", told, 120)
        assert contents(system, names("survivor")) == before
        delete(system, "too-late")
        delete(system, "survivor")
        system.wait(
            "its repositories are gone",
            lambda: not names("survivor") & system.repositories(),
            120,
        )
    finally:
        system.install_function(FUNCTION, ROOT / "package/function", *OURS)
        system.kubectl("apply", "-f", OUR_COMPOSITION)
    direct(system, "reborn")
    system.wait("all works again", lambda: direct_ready(system, "reborn"), HEALS_S)
    delete(system, "reborn")


def test_claims_can_be_kept_when_the_triggers_crd_goes(system: System) -> None:
    """Else the garbage collector takes each claim with its Workload."""
    kubectl = system.kubectl
    kubectl.apply(workload("keeps"))
    kept = system.wait("its claim is Ready", lambda: ready(system, "keeps"), 120)
    assert kept["metadata"]["ownerReferences"]
    system.install(
        ROOT / "package/kyverno/README.md", "Keep the repositories without the trigger"
    )
    owned = claim_manifest("owned", "owned")
    owner = kept["metadata"]["ownerReferences"]
    kubectl.apply(
        {**owned, "metadata": {**owned["metadata"], "ownerReferences": owner}}
    )
    push(system, *names("keeps"))
    before = contents(system, names("keeps"))
    try:
        kubectl("delete", "crd", "workloads.carto.run", "--timeout=60s")
        system.wait(
            "the claim that still has its owner goes with it",
            lambda: not kubectl.get("workloadecrrepos", "owned"),
            120,
        )
        assert claim(system, "keeps")
        assert contents(system, names("keeps")) == before
    finally:
        kubectl("create", "-f", MANIFESTS / "workloads.yaml")
        system.established("workloads.carto.run")
        kubectl("apply", "-k", ROOT / "package/kyverno/base")
        # It learns the kinds at its start.
        system.scan_every("15s")
    delete(system, "keeps-ecr-repos")

    def back() -> bool:
        try:
            kubectl.apply(workload("back"))
        except KubectlError:
            return False
        return True

    system.wait("Workloads are served again", back)
    system.wait("and get their claims", lambda: ready(system, "back"), HEALS_S)
    kubectl("delete", "workload", "back")
