"""The claims for existing repositories: which there are, and why others are not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.cli.adopt import names_of
from function.cli.adoption import (
    AdoptionPlan,
    RefusedClaimError,
    Unfit,
    plan_adoption,
)
from function.cli.composites import CompositionStep, step_settings
from function.cli.inventory import ListedRepository, Obstacle
from function.cli.manifests import Manifest
from function.cli.name_matching import MappingRules, Target
from function.ecr.name_template import NamedRepository, NameTemplate

REGION, ACCOUNT = "eu-west-2", "123456789012"
STEP = CompositionStep()
SETTINGS = step_settings(STEP)


def listed(name: str, **changes: Any) -> ListedRepository:
    values = {"region": REGION, "account": ACCOUNT, **changes}
    return ListedRepository(name, values.pop("file", "f.json"), **values)


def rules(
    roles: tuple[NamedRepository, ...] | None = None, **changes: Any
) -> MappingRules:
    values = {"account": ACCOUNT, "provider_name": "aws", **changes}
    return MappingRules(roles or SETTINGS.repositories, REGION, **values)


def of_function(claim: Manifest) -> dict[str, str]:
    return names_of(claim, STEP, SETTINGS)


def plan(*repositories: str | ListedRepository, **changes: Any) -> AdoptionPlan:
    """Return the plan of the function, with its default name template."""
    found = [listed(r) if isinstance(r, str) else r for r in repositories]
    return plan_adoption(found, rules(**changes), of_function)


def adopted(found: AdoptionPlan) -> dict[str, dict[str, str]]:
    """Return the repositories of each claim by their keys."""
    return {
        f"{a.namespace}/{a.name}": {key: r.name for key, r in a.adopted.items()}
        for a in found.adoptions
    }


def reasons(found: AdoptionPlan) -> list[tuple[str, str]]:
    return [(u.repository, u.reason) for u in found.unfit]


def test_a_claim_has_all_parameters() -> None:
    found = plan("tap/workloads/shop-dev", "tap/workloads/shop-dev-bundle")
    (adoption,) = found.adoptions
    assert adoption.claim == {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "WorkloadECRRepo",
        "metadata": {"name": "shop-ecr-repos", "namespace": "dev"},
        "spec": {
            "parameters": {
                "workloadName": "shop",
                "repoPrefix": "tap/workloads",
                "region": REGION,
                "providerName": "aws",
            }
        },
    }
    assert adopted(found) == {
        "dev/shop-ecr-repos": {
            "bundle": "tap/workloads/shop-dev-bundle",
            "image": "tap/workloads/shop-dev",
        }
    }
    assert adoption.created == {}
    assert found.unfit == []


def test_a_missing_bundle_is_created() -> None:
    found = plan("tap/shop-dev")
    assert found.adoptions[0].created == {"bundle": "tap/shop-dev-bundle"}
    assert found.unfit == []


def test_claims_are_sorted_and_do_not_depend_on_the_order_of_the_files() -> None:
    names = ["tap/b-dev", "tap/a-prod", "tap/a-dev", "tap/a-dev-bundle", "tap/x-y-z"]
    found = plan(*names)
    assert list(adopted(found)) == [
        "dev/a-ecr-repos",
        "dev/b-ecr-repos",
        "prod/a-ecr-repos",
    ]
    assert plan(*reversed(names)) == found


NAMESPACES = frozenset({"dev", "b-dev"})


@pytest.mark.parametrize(
    ("repositories", "changes", "want", "reason"),
    [
        (["team/base"], {}, [("team/base", "NoMatch")], "no name of the template"),
        (["tap/a-b-c"], {}, [("tap/a-b-c", "Ambiguous")], "two workloads"),
        (
            ["tap/a-b-c", "tap/a-b-c-bundle"],
            {},
            [("tap/a-b-c", "Ambiguous"), ("tap/a-b-c-bundle", "Ambiguous")],
            "its bundle is not clear either",
        ),
        (
            ["tap/a-b-dev"],
            {"namespaces": NAMESPACES},
            [("tap/a-b-dev", "Ambiguous")],
            "in two of the namespaces",
        ),
        (
            ["tap/a-dev-bundle"],
            {"namespaces": NAMESPACES},
            [("tap/a-dev-bundle", "ImageMissing")],
            "only the bundle exists",
        ),
        (
            [listed("tap/a-dev", region="eu-west-1")],
            {},
            [("tap/a-dev", "OtherRegion")],
            "another region",
        ),
        (
            [listed("tap/a-dev", account="210987654321")],
            {},
            [("tap/a-dev", "OtherAccount")],
            "another account",
        ),
        (
            ["tap/a-dev", "tap/a-dev"],
            {},
            [("tap/a-dev", "Duplicate")],
            "once for both",
        ),
        (
            [listed("tap/a-dev", obstacle=Obstacle("tainted", "Untaint it"))],
            {},
            [("tap/a-dev", "NotAdoptable")],
            "Terraform is about to delete it",
        ),
        (
            [
                "tap/a-dev",
                listed("tap/a-dev-bundle", obstacle=Obstacle("tainted", "Untaint it")),
            ],
            {},
            [("tap/a-dev", "NameConflict"), ("tap/a-dev-bundle", "NotAdoptable")],
            "the claim would use that one too",
        ),
        (["Tap/a-dev"], {}, [("Tap/a-dev", "InvalidName")], "no name of ECR"),
        (["tap/a-dev\n"], {}, [("tap/a-dev\n", "InvalidName")], "a line feed"),
        (["x" * 300], {}, [("x" * 300, "InvalidName")], "too long"),
        (
            ["a/shop-dev", "b/shop-dev"],
            {},
            [("a/shop-dev", "NameConflict"), ("b/shop-dev", "NameConflict")],
            "two claims with one name",
        ),
        (
            [f"tap/{'a' * 54}-dev"],
            {},
            [(f"tap/{'a' * 54}-dev", "Refused")],
            "the claim's name would be too long",
        ),
        (["tap/a_b-dev"], {}, [("tap/a_b-dev", "Refused")], "no name of an object"),
        (
            ["123456789012.dkr.ecr.eu-west-2.amazonaws.com/tap/a-dev"],
            {},
            [("123456789012.dkr.ecr.eu-west-2.amazonaws.com/tap/a-dev", "Refused")],
            "the function would remove the host, and compute another name",
        ),
        (
            [],
            {"mapping": {"tap/a": Target("dev", "a")}},
            [("tap/a", "NotListed")],
            "a misspelled name in the mapping",
        ),
        (
            ["team/base"],
            {"mapping": {"team/base": Target("dev", "a", existing=True)}},
            [("team/base", "Refused")],
            "there is no prefix for the workload's own repositories",
        ),
    ],
)
def test_what_does_not_fit(
    repositories: list[str | ListedRepository],
    changes: dict[str, Any],
    want: list[tuple[str, str]],
    reason: str,
) -> None:
    found = plan(*repositories, **changes)
    assert reasons(found) == want, reason
    assert found.adoptions == [], reason
    for unfit in found.unfit:
        assert unfit.message[-1] != ".", unfit
        assert unfit.fix[-1] != ".", unfit


def test_a_bundle_belongs_to_the_workload_whose_image_is_clear() -> None:
    """Its name alone has three readings."""
    found = plan("tap/shop-dev-bundle", "tap/shop-dev")
    assert adopted(found) == {
        "dev/shop-ecr-repos": {"bundle": "tap/shop-dev-bundle", "image": "tap/shop-dev"}
    }


def test_a_mapping_decides_between_readings() -> None:
    mapping = {"tap/a-b-c": Target("c", "a-b")}
    found = plan("tap/a-b-c", "tap/a-b-c-bundle", mapping=mapping)
    assert adopted(found) == {
        "c/a-b-ecr-repos": {"bundle": "tap/a-b-c-bundle", "image": "tap/a-b-c"}
    }


def test_a_mapping_accepts_that_a_claim_creates_the_image_repository() -> None:
    name = "tap/a-dev-bundle"
    found = plan(name, mapping={name: Target("dev", "a")})
    assert adopted(found) == {"dev/a-ecr-repos": {"bundle": name}}
    assert found.adoptions[0].created == {"image": "tap/a-dev"}


def test_the_message_of_a_refused_claim_is_the_functions() -> None:
    found = plan("tap/a-dev", provider_name="Not_A_Name")
    assert found.unfit == [
        Unfit(
            "tap/a-dev",
            "Refused",
            "the function refuses the claim of workload a in namespace dev: "
            'spec.parameters.providerName: got "Not_A_Name"; it must be a Kubernetes '
            "name (RFC 1123 subdomain). Use the name of a ProviderConfig from `kubectl "
            "get providerconfigs`",
            "Change the settings or the options, or leave the repository",
            "f.json",
        )
    ]


def test_a_claim_with_a_field_that_the_api_server_would_drop_is_refused() -> None:
    (adoption,) = plan("tap/a-dev").adoptions
    assert of_function(adoption.claim)["image"] == "tap/a-dev"
    adoption.claim["spec"]["parameters"]["nope"] = "x"
    with pytest.raises(
        RefusedClaimError, match=r"parameters\.nope: got \"x\"; there is"
    ):
        of_function(adoption.claim)


def test_a_duplicate_is_reported_with_its_places() -> None:
    address = "aws_ecr_repository.a"
    found = plan(
        listed("tap/a-dev"), listed("tap/a-dev", file="s.json", addresses=(address,))
    )
    assert found.unfit[0].message == (
        "it is listed more than once: f.json, s.json (aws_ecr_repository.a)"
    )


# The function's own code computes names by the default template only. For other
# templates and repositories, this renders the names that a claim stands for.


def roles(template: str, **suffixes: str) -> tuple[NamedRepository, ...]:
    parsed = NameTemplate.parse(template, "name")
    return tuple(
        NamedRepository(k, parsed, s) for k, s in {"image": "", **suffixes}.items()
    )


def rendered(claim: Manifest, of: tuple[NamedRepository, ...]) -> dict[str, str]:
    parameters = claim["spec"]["parameters"]
    names = {
        role.key: role.template.render(
            prefix=parameters.get("repoPrefix", "tap"),
            workload=parameters["workloadName"],
            namespace=claim["metadata"]["namespace"],
            repository=role.key,
            suffix=role.suffix,
        )
        for role in of
    }
    if existing := parameters.get("existingName"):
        names["existing"] = existing
    return names


def plan_with(
    of: tuple[NamedRepository, ...], *repositories: str, **changes: Any
) -> AdoptionPlan:
    return plan_adoption(
        map(listed, repositories), rules(of, **changes), lambda c: rendered(c, of)
    )


SLASHES = roles(
    "{prefix}/{namespace}/{workload}{suffix}", bundle="/bundle", cache="/cache"
)
HYPHENS = roles("{prefix}/{namespace}/{workload}{suffix}", bundle="-bundle")


def test_more_repositories_of_a_workload() -> None:
    names = ("tap/dev/shop", "tap/dev/shop/bundle", "tap/dev/shop/cache")
    found = plan_with(SLASHES, *names, namespaces=frozenset({"dev"}))
    assert adopted(found) == {
        "dev/shop-ecr-repos": dict(
            zip(("image", "bundle", "cache"), names, strict=True)
        )
    }


def test_without_namespaces_a_path_can_have_two_meanings() -> None:
    found = plan_with(SLASHES, "tap/dev/shop/cache")
    assert reasons(found) == [("tap/dev/shop/cache", "Ambiguous")]
    assert "the cache of workload shop in namespace dev" in found.unfit[0].message


def test_a_workload_that_ends_like_a_suffix_is_not_guessed() -> None:
    found = plan_with(HYPHENS, "tap/dev/shop-bundle")
    assert reasons(found) == [("tap/dev/shop-bundle", "Ambiguous")]
    found = plan_with(HYPHENS, "tap/dev/shop-bundle", "tap/dev/shop")
    assert [*adopted(found)] == ["dev/shop-ecr-repos"], "no other claim can have it"


def test_a_repository_of_another_name_is_named_in_the_claim_of_its_workload() -> None:
    mapping = {"team/base": Target("dev", "shop", existing=True)}
    found = plan_with(HYPHENS, "team/base", "tap/dev/shop", mapping=mapping)
    (adoption,) = found.adoptions
    assert adoption.claim["spec"]["parameters"]["existingName"] == "team/base"
    assert adopted(found) == {
        "dev/shop-ecr-repos": {"existing": "team/base", "image": "tap/dev/shop"}
    }


def test_a_workload_can_have_only_a_repository_of_another_name() -> None:
    mapping = {"team/base": Target("dev", "shop", existing=True)}
    found = plan_with(HYPHENS, "team/base", mapping=mapping)
    (adoption,) = found.adoptions
    assert "repoPrefix" not in adoption.claim["spec"]["parameters"]
    assert adoption.created == {
        "image": "tap/dev/shop",
        "bundle": "tap/dev/shop-bundle",
    }


def test_a_claim_names_only_one_repository_of_another_name() -> None:
    target = Target("dev", "shop", existing=True)
    found = plan_with(HYPHENS, "a0", "b0", mapping={"a0": target, "b0": target})
    assert reasons(found) == [("a0", "NameConflict"), ("b0", "NameConflict")]


def test_a_claim_that_the_function_names_otherwise_is_refused() -> None:
    def other(_: Manifest) -> dict[str, str]:
        return {"image": "tap/dev/other"}

    found = plan_adoption([listed("tap/dev/shop")], rules(HYPHENS), other)
    assert found.unfit[0].message == (
        "the claim of workload shop in namespace dev would use other names: image "
        '"tap/dev/other"'
    )
    assert found.adoptions == []


def test_two_claims_that_would_create_one_repository_are_refused() -> None:
    def one(claim: Manifest) -> dict[str, str]:
        return {**rendered(claim, HYPHENS), "cache": "tap/cache"}

    found = plan_adoption(map(listed, ("t/n/a", "t/n/b")), rules(HYPHENS), one)
    assert reasons(found) == [("t/n/a", "NameConflict"), ("t/n/b", "NameConflict")]
    assert found.unfit[0].message == (
        "the claim n/a-ecr-repos and another one would both use tap/cache"
    )


def test_a_claim_that_cannot_be_verified_is_refused() -> None:
    def refuses(_: Manifest) -> dict[str, str]:
        raise RefusedClaimError("no such parameter.")

    found = plan_adoption([listed("tap/dev/shop")], rules(HYPHENS), refuses)
    assert found.unfit[0].message == (
        "the function refuses the claim of workload shop in namespace dev: no such "
        "parameter"
    )


LABELS = st.sampled_from(("a", "bundle", "cache", "a-b", "b", "a-cache"))


@given(
    st.lists(st.tuples(LABELS, LABELS), unique=True, max_size=6),
    st.booleans(),
    st.data(),
)
def test_with_the_recommended_template_and_one_prefix_everything_fits(
    workloads: list[tuple[str, str]], known: bool, data: st.DataObject
) -> None:
    """No two workloads can have one name, so no option has to decide."""
    want = {
        f"{namespace}/{workload}-ecr-repos": {
            role.key: f"tap/{namespace}/{workload}{role.suffix}" for role in SLASHES
        }
        for namespace, workload in workloads
    }
    names = [name for each in want.values() for name in each.values()]
    namespaces = frozenset(namespace for namespace, _ in workloads)
    found = plan_with(
        SLASHES,
        *data.draw(st.permutations(names)),
        namespaces=namespaces if known else None,
        allows=lambda prefix, _: prefix == "tap",
    )
    assert found.unfit == []
    assert adopted(found) == want


NAMES = st.sampled_from(("a", "b", "a-b", "b-a", "a-bundle", "bundle", "a--b"))
WORKLOADS = st.lists(
    st.tuples(st.sampled_from(("tap", "tap/a")), NAMES, NAMES), unique=True, max_size=6
)


def pair(prefix: str, workload: str, namespace: str) -> tuple[str, str]:
    """Return the names of a workload's two repositories."""
    image = f"{prefix}/{workload}-{namespace}"
    return image, f"{image}-bundle"


def owners(name: str, namespaces: frozenset[str]) -> set[tuple[str, str, str]]:
    """Return all workloads that have a name, by trying every division of it."""
    return {
        (prefix, workload, namespace)
        for suffix in ("", "-bundle")
        if name.endswith(suffix)
        for prefix, _, rest in [name.removesuffix(suffix).rpartition("/")]
        for namespace in namespaces
        if rest.endswith(f"-{namespace}")
        for workload in [rest.removesuffix(f"-{namespace}")]
        if workload
    }


@given(WORKLOADS, st.booleans(), st.data())
def test_claims_compute_the_names_that_they_adopt_and_nothing_is_guessed(
    workloads: list[tuple[str, str, str]], known: bool, data: st.DataObject
) -> None:
    every = {name for workload in workloads for name in pair(*workload)}
    names = data.draw(st.permutations(sorted(every)))
    lost = data.draw(st.integers(0, 2))
    names = names[lost:]
    namespaces = frozenset(namespace for _, _, namespace in workloads)
    found = plan(*names, namespaces=namespaces if known else None)

    taken = [r.name for a in found.adoptions for r in a.adopted.values()]
    left = [u.repository for u in found.unfit]
    assert sorted(taken + left) == sorted(names), "each is adopted, or reported once"
    for adoption in found.adoptions:
        parameters = adoption.claim["spec"]["parameters"]
        image, bundle = pair(
            parameters["repoPrefix"], parameters["workloadName"], adoption.namespace
        )
        stands_for = {key: r.name for key, r in adoption.adopted.items()}
        assert stands_for | adoption.created == {"image": image, "bundle": bundle}
        assert not {*adoption.created.values()} & {*names}
        if known:
            assert any(
                len(owners(name, namespaces)) == 1 for name in stands_for.values()
            ), "one of its names belongs to no other workload"


@given(WORKLOADS, st.data())
def test_with_a_mapping_every_workload_gets_its_claim(
    workloads: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    """Unless two of them have one name, or two claims would have one."""
    mapping: dict[str, Target] = {}
    kept: list[tuple[str, str, str]] = []
    for prefix, workload, namespace in workloads:
        names = pair(prefix, workload, namespace)
        taken = (workload, namespace) in {each[1:] for each in kept}
        if taken or any(name in mapping for name in names):
            continue
        kept.append((prefix, workload, namespace))
        mapping |= dict.fromkeys(names, Target(namespace, workload))
    found = plan(*data.draw(st.permutations(sorted(mapping))), mapping=mapping)
    assert {
        (a.claim["spec"]["parameters"]["repoPrefix"], *reversed(_identity(a.claim)))
        for a in found.adoptions
    } == set(kept)
    assert found.unfit == []


def _identity(claim: Manifest) -> tuple[str, str]:
    return claim["metadata"]["namespace"], claim["spec"]["parameters"]["workloadName"]
