"""The repository options of the input, and what ECR has after they are applied."""

import json
from typing import Any

import claims
from system import System

OPTIONS = {
    "repository": {
        "imageTagMutability": "IMMUTABLE",
        "scanOnPush": True,
        "tags": {"team": "shop"},
        "lifecycle": {
            "expireUntaggedAfterDays": 7,
            "byTagPattern": [
                {
                    "pattern": "release-*",
                    "archiveUnpulledAfterDays": 60,
                    "expireArchivedAfterDays": 365,
                },
                {"pattern": "pr-*", "expireAfterDays": 14},
            ],
            "keepLast": 30,
        },
        "permissions": {
            "pull": ["210987654321"],
            "pushOrganizations": ["o-abcdefghij"],
            "fullAccessOrganizations": ["o-klmnopqrst"],
            "vpcEndpoints": ["vpce-0123456789abcdef0"],
        },
    },
    "bundleRepository": {"lifecycle": {"keepLast": 3}},
    "allow": {"overrides": ["scanOnPush"]},
}


def _of_ecr(ecr: Any, name: str) -> dict[str, Any]:
    """Return the options of a repository as ECR returns them."""
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    try:
        lifecycle = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
        policy = ecr.get_repository_policy(repositoryName=name)["policyText"]
    except (
        ecr.exceptions.LifecyclePolicyNotFoundException,
        ecr.exceptions.RepositoryPolicyNotFoundException,
    ):
        return {}
    tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    return {
        "mutability": found["imageTagMutability"],
        "scan": found["imageScanningConfiguration"]["scanOnPush"],
        "rules": [
            (
                *rule["selection"].get(
                    "tagPatternList", [rule["selection"]["tagStatus"]]
                ),
                rule["action"]["type"],
                rule["selection"]["countType"],
                rule["selection"]["countNumber"],
            )
            for rule in json.loads(lifecycle)["rules"]
        ],
        "statements": [
            (each["Sid"], each["Condition"]["StringEquals"].get("aws:PrincipalOrgID"))
            for each in json.loads(policy)["Statement"]
            if "vpce-0123456789abcdef0" in each["Condition"]["StringEquals"].values()
        ],
        "team": {tag["Key"]: tag["Value"] for tag in tags}.get("team"),
    }


def test_ecr_has_the_options_of_the_input(system: System) -> None:
    image, bundle = sorted(claims.names("optional"))
    with system.configured(**OPTIONS):
        own = claims.manifest("optional")
        own["spec"]["parameters"]["repository"] = {"scanOnPush": False}
        forbidden = claims.manifest("forbidden")
        forbidden["spec"]["parameters"]["repository"] = {"forceDelete": False}
        system.kubectl.apply(own, forbidden)
        assert "forceDelete" in claims.wait_for_reason(
            system, "forbidden", "NotAllowed"
        )
        claims.wait_ready(system, "optional", seconds=claims.HEALS_S)

        common = {
            "mutability": "IMMUTABLE",
            "scan": False,
            "statements": [
                ("Pull", None),
                ("OrganizationPush", "o-abcdefghij"),
                ("OrganizationFullAccess", "o-klmnopqrst"),
            ],
            "team": "shop",
        }
        wanted = {
            image: common
            | {
                "rules": [
                    ("untagged", "expire", "sinceImagePushed", 7),
                    ("release-*", "transition", "sinceImagePulled", 60),
                    ("release-*", "expire", "sinceImageTransitioned", 365),
                    ("pr-*", "expire", "sinceImagePushed", 14),
                    ("any", "expire", "imageCountMoreThan", 30),
                ]
            },
            bundle: common | {"rules": [("any", "expire", "imageCountMoreThan", 3)]},
        }
        found = dict[str, Any]()

        def applied() -> bool:
            found.update((name, _of_ecr(system.ecr, name)) for name in wanted)
            return found == wanted

        system.wait(f"ECR has all of them, and not {found}", applied)
        assert len(_policies(system, {image, bundle})) == 4
        claims.delete(system, "forbidden", "optional")
        claims.wait_gone(system, image, bundle)
        system.wait(
            "the policy resources are deleted too",
            lambda: not _policies(system, {image, bundle}),
            120,
        )


def _policies(system: System, repositories: set[str]) -> list[dict[str, Any]]:
    """Return the policy resources of these repositories."""
    return [
        found
        for kind in system.api.policies
        for found in system.kubectl.all("-A", kind)
        for of in [found["spec"]["forProvider"]]
        if (of.get("repository") or of.get("repositoryName")) in repositories
    ]


def test_disabling_bundles_keeps_existing_bundles(system: System) -> None:
    claims.apply(system, "bundled")
    claims.wait_ready(system, "bundled")
    claims.push(system, *claims.names("bundled"))
    before = claims.contents(system, claims.names("bundled"))
    with system.configured(bundle=False):
        claims.apply(system, "unbundled")
        claims.wait_ready(system, "unbundled")
        assert len(claims.names("unbundled") & system.repositories()) == 1

        def kept() -> bool:
            return (
                "`bundle` is now false"
                in claims.ready_condition(system, "bundled")["message"]
            )

        system.wait("the claim reports what is kept", kept, claims.HEALS_S)
        assert claims.contents(system, claims.names("bundled")) == before
        claims.delete(system, "unbundled", wait=False)
    claims.delete(system, "bundled")
    claims.wait_gone(system, *claims.names("bundled"), *claims.names("unbundled"))


def test_deletion_never_removes_the_right_to_delete_from_existing_claims(
    system: System,
) -> None:
    claims.apply(system, "treasured")
    claims.wait_ready(system, "treasured")
    kept = frozenset(claims.names("treasured"))
    claims.push(system, *kept)
    before = claims.contents(system, set(kept))
    assert not claims.not_deletable(system) & kept
    with system.configured(deletion="Never"):
        system.wait(
            "none of its resources may delete a repository",
            lambda: kept <= claims.not_deletable(system),
            claims.HEALS_S,
        )
        claims.delete(system, "treasured")
        claims.wait_gone(system, *kept, but=kept)
    assert claims.contents(system, set(kept)) == before
    for name in kept:
        system.ecr.delete_repository(repositoryName=name, force=True)
