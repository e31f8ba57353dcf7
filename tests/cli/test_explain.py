"""explain: names, where to push, and what each guard does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from function.api.input import Input
from function.api.parameters import parse_parameters, read_parameters
from function.api.settings import effective_settings
from function.cli.explain import competitors
from function.cli.manifests import to_struct
from tests.cli.invocations import CLAIM, claim, run, settings, unwrap

HOST = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("changes", "args", "line", "why"),
    [
        (
            {},
            [],
            "docker push <account>.dkr.ecr.eu-west-2.amazonaws.com/tap/workloads/"
            "example-app-default-bundle:<tag>",
            "the account is unknown",
        ),
        (
            {},
            [],
            "Replace <account> with the account of the ProviderConfig aws-provider, "
            "or use --account",
            "who knows the account",
        ),
        (
            {},
            ["--account", "123456789012"],
            f"docker push {HOST}/tap/workloads/example-app-default:<tag>",
            "the account is an option",
        ),
        (
            {"repoPrefix": f"{HOST}/tap"},
            [],
            f"docker push {HOST}/tap/example-app-default:",
            "the prefix has the account",
        ),
        (
            {"repoPrefix": f"{HOST}/tap"},
            [],
            f"acts    registry host     {HOST} is removed from repoPrefix",
            "the host is not part of the repository's name",
        ),
        (
            {"repoPrefix": "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap"},
            [],
            "looks like a registry host, but is not one of ECR's",
            "the placeholder of the original recipe",
        ),
        (
            {"region": "cn-north-1"},
            [],
            "<account>.dkr.ecr.cn-north-1.amazonaws.com.cn/",
            "the partition of China",
        ),
        (
            {"region": "us-isob-east-1"},
            [],
            "<the registry of us-isob-east-1>/",
            "a partition whose hosts are not public",
        ),
        (
            {"workloadName": "a-b", "namespace": "c"},
            [],
            "workload a in b-c",
            "another claim with the same image",
        ),
        (
            {"workloadName": "x", "namespace": "n-bundle"},
            [],
            "workload x in n,",
            "another claim whose bundle is our image",
        ),
        (
            {"workloadName": "a", "namespace": "c"},
            [],
            "workload a in c-bundle",
            "another claim whose image is our bundle",
        ),
    ],
)
def test_it_says_where_to_push_and_which_claims_compete(
    changes: dict[str, str], args: list[str], line: str, why: str
) -> None:
    code, out, err = run("explain", "-", *args, stdin=claim(**changes))
    assert (code, err) == (0, ""), why
    assert line in unwrap(out), why


@pytest.mark.parametrize(
    ("step_input", "line", "why"),
    [
        ({}, "there are no allow lists: any value is allowed", "no lists"),
        (
            {"allow": {"repoPrefixes": ["tap/*"]}},
            'repoPrefix "tap/workloads" (pattern "tap/*"), any region, any '
            "providerName",
            "which glob allows a value",
        ),
        (
            {"allow": {"providerNames": ["aws-*"]}},
            'providerName "aws-provider" (pattern "aws-*")',
            "a list of another parameter",
        ),
        ({"deletion": "Never"}, "Never: deleting the claim keeps", "deletion"),
        ({"deletion": "WhenEmpty"}, "if they hold no image", "deletion"),
        ({"deletion": "Always"}, "even if they existed before", "deletion"),
        ({"deletion": "OnlyCreated"}, "the repositories that it created", "deletion"),
        (
            {"registryHost": "Keep"},
            "Keep: a host in repoPrefix stays in the repository names",
            "registryHost",
        ),
        ({}, "repoPrefix has no registry host", "registryHost by default"),
    ],
)
def test_it_explains_the_input_of_the_composition(
    step_input: dict[str, Any],
    line: str,
    why: str,
    composition_file: Callable[..., str],
) -> None:
    file = composition_file(**step_input)
    code, out, _ = run("explain", "example/claim.yaml", "--composition", file)
    assert code == 0, why
    assert line in unwrap(out), why


def test_without_a_composition_the_platforms_settings_are_unknown() -> None:
    code, out, _ = run("explain", "example/claim.yaml", "-o", "json")
    (explanation,) = json.loads(out)
    effects = {g["name"]: g["effect"] for g in explanation["guards"]}
    unknown = {name for name, effect in effects.items() if effect == "unknown"}
    assert (code, unknown) == (0, {"defaults", "allow", "deletion"})
    _, out, _ = run("explain", "example/claim.yaml")
    assert "any value is allowed" not in out
    assert "By default, OnlyCreated: deleting the claim" in unwrap(out)
    file = "example/composition.yaml"
    args = ("example/claim.yaml", "--composition", file, "-o", "json")
    assert "unknown" not in run("explain", *args)[1]


def test_a_missing_value_can_be_a_default_that_is_unknown() -> None:
    code, out, _ = run("explain", "-", stdin=claim().replace("region:", "other:"))
    assert code == 1
    assert "spec.parameters.region: got nothing" in unwrap(out)
    assert "the platform's defaults are unknown" in unwrap(out)


def test_without_a_bundle_there_is_one_repository(
    composition_file: Callable[..., str],
) -> None:
    file = composition_file(bundle=False)
    args = ("example/claim.yaml", "--composition", file, "-o", "json")
    (explanation,) = json.loads(run("explain", *args)[1])
    assert explanation["repositories"].keys() == {"image"}


@pytest.mark.parametrize(
    ("changes", "step_input", "reason"),
    [
        ({"region": "Here"}, {}, "InvalidParameters"),
        ({"region": "us-east-1"}, {"allow": {"regions": ["eu-*"]}}, "NotAllowed"),
    ],
)
def test_it_says_which_guard_stops_a_claim(
    changes: dict[str, str],
    step_input: dict[str, Any],
    reason: str,
    composition_file: Callable[..., str],
) -> None:
    args = ("explain", "-", "--composition", composition_file(**step_input))
    code, out, _ = run(*args, stdin=claim(**changes))
    assert code == 1
    assert f"stops   {reason}" in out
    assert "docker push" not in out
    code, out, _ = run(*args, "-o", "json", stdin=claim(**changes))
    (explanation,) = json.loads(out)
    assert code == 1
    assert (explanation["stopped"], explanation["repositories"]) == (True, {})


def test_it_says_everything_that_stops_a_claim() -> None:
    stdin = claim(region="Here", workloadName="Shop")
    _, out, _ = run("explain", "-", "-o", "json", stdin=stdin)
    (explanation,) = json.loads(out)
    stops = [g["why"] for g in explanation["guards"] if g["effect"] == "stops"]
    assert [why.partition(":")[0] for why in stops] == [
        "spec.parameters.region",
        "spec.parameters.workloadName",
    ]


def test_it_agrees_with_render() -> None:
    _, out, _ = run("explain", "example/claim.yaml", "-o", "json")
    (explanation,) = json.loads(out)
    _, out, _ = run("render", "example/claim.yaml")
    xr = next(yaml.safe_load_all(out))
    assert {
        role: {"name": r["name"]} for role, r in explanation["repositories"].items()
    } == xr["status"]["repositories"]


@pytest.mark.parametrize(
    ("workload", "namespace", "bundle", "others", "why"),
    [
        ("app", "shop", False, [], "one hyphen, one way to split the name"),
        ("app", "shop", True, [("app", "shop-bundle"), ("app-shop", "bundle")], ""),
        ("a-b", "c", False, [("a", "b-c")], "two hyphens, two ways"),
        ("x", "n-bundle", True, [("x-n", "bundle"), ("x", "n")], "its bundle is ours"),
    ],
)
def test_competitors_are_the_other_ways_to_split_a_name(
    workload: str,
    namespace: str,
    *,
    bundle: bool,
    others: list[tuple[str, str]],
    why: str,
) -> None:
    settings = effective_settings(Input(bundle=bundle))
    xr = {
        "metadata": {"name": "a", "namespace": namespace},
        "spec": {
            "parameters": {
                "workloadName": workload,
                "repoPrefix": "tap",
                "region": "eu-west-2",
                "providerName": "aws",
            }
        },
    }
    parameters = parse_parameters(read_parameters(to_struct(xr)), settings)
    found = competitors(parameters, settings)
    assert set(others) <= set(found), why
    assert (workload, namespace) not in found
    assert bundle or len(found) == len(others), why


def test_it_warns_of_unknown_fields_and_regions() -> None:
    code, out, err = run("explain", "-", stdin=claim(region="eu-west-9", regoin="a"))
    field, region = err.splitlines()
    assert code == 0
    assert field.startswith(
        "Warning WorkloadECRRepo/example-app-ecr-repos: spec.parameters.regoin: got "
        '"a"; there is no such parameter (did you mean region?)'
    )
    assert 'spec.parameters.region: got "eu-west-9"; no AWS region' in region
    assert "docker push" in out


def explained(tmp_path: Path, stdin: str, **data: object) -> str:
    """Return what explain prints about a claim under platform settings."""
    file = tmp_path / "settings.yaml"
    file.write_text(settings(**data))
    _, out, _ = run("explain", "-", "--settings", str(file), stdin=stdin)
    return unwrap(out)


def test_it_explains_the_platform_settings(tmp_path: Path) -> None:
    allow = {"repoPrefixes": ["tap/{namespace}", "tap/work*"], "regions": ["eu-*"]}
    out = explained(tmp_path, CLAIM, allow=allow, deletion="Never")
    assert (
        'the platform allows repoPrefix "tap/workloads" (pattern "tap/work*"), region '
        '"eu-west-2" (pattern "eu-*"), any providerName' in out
    )
    assert "Never: deleting the claim keeps its repositories" in out
    assert "unknown" not in out


def test_no_other_namespace_competes_for_a_path_of_its_own(tmp_path: Path) -> None:
    """A tenant whose name was taken sees how the platform can prevent that."""
    allow = {"repoPrefixes": ["tap/{namespace}"]}
    stdin = claim(repoPrefix="tap/default", workloadName="a-b")
    out = explained(tmp_path, stdin, allow=allow)
    assert "no other workload can have these names" in out
    shared = explained(tmp_path, stdin, allow={"repoPrefixes": ["tap/*"]})
    assert "workload a in b-default" in shared
    assert "a prefix with {namespace} in allow.repoPrefixes" in shared


def test_the_default_prefix_has_the_claims_namespace(tmp_path: Path) -> None:
    manifest = yaml.safe_load(claim(namespace="shop", workloadName="api"))
    del manifest["spec"]["parameters"]["repoPrefix"]
    defaults = {"repoPrefix": "tap/{namespace}"}
    out = explained(tmp_path, yaml.safe_dump(manifest), defaults=defaults)
    assert "tap/shop/api-shop" in out


def test_it_explains_names_that_a_claim_adds_and_uses(tmp_path: Path) -> None:
    manifest = yaml.safe_load(claim())
    manifest["spec"]["parameters"] |= {
        "repositories": ["worker"],
        "existingName": "team/base",
    }
    allow = {"repositories": ["work*"], "existingNames": ["team/*"]}
    layout: dict[str, Any] = {
        "provider": "ecr.aws.upbound.io/v1beta2",
        "repositories": {"cache": {}},
        "allow": allow,
    }
    stdin = yaml.safe_dump(manifest)
    out = explained(tmp_path, stdin, **layout)
    for key in ("image", "bundle", "cache", "worker", "existing"):
        assert f"\n  {key} " in out
    assert 'repositories "worker" (pattern "work*")' in out
    assert 'existingName "team/base" (pattern "team/*")' in out
    assert "Observe: the repository team/base that existed" in out
    managed = explained(tmp_path, stdin, **layout, adopt="Manage")
    assert "Manage: the repository team/base that existed" in managed
    assert "never created and never deleted" in managed


def test_adoption_is_explained_only_where_the_settings_decide_on_it(
    tmp_path: Path,
) -> None:
    provider = "ecr.aws.upbound.io/v1beta2"
    assert "adoption" not in explained(tmp_path, claim(), provider=provider)
    out = explained(tmp_path, claim(), provider=provider, adopt="Manage")
    assert "Manage: a repository that existed before the claim gets the options" in out
