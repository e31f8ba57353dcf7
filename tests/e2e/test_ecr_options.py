"""A repository's options, as ECR has them."""

import json
from typing import Any

import yaml
from system import System
from test_chain import claim_manifest, direct_ready, names
from test_safety import HEALS_S, OUR_COMPOSITION, delete, told

OPTIONS = {
    "repository": {
        "imageTagMutability": "IMMUTABLE",
        "scanOnPush": True,
        "tags": {"team": "shop"},
        "lifecycle": {"expireUntaggedAfterDays": 7, "keepLast": 30},
        "permissions": {"pull": ["210987654321"]},
    },
    "bundleRepository": {"lifecycle": {"keepLast": 3}},
    "allow": {"overrides": ["scanOnPush"]},
}


def with_options(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    composition: dict[str, Any] = yaml.safe_load(OUR_COMPOSITION.read_text())
    (step,) = composition["spec"]["pipeline"]
    step["input"] = {
        "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
        "kind": "Input",
        **more,
    }
    return composition


def test_ecr_has_what_the_input_asks_for(system: System) -> None:
    system.kubectl.apply(with_options(**OPTIONS))
    ecr = system.ecr
    try:
        own = claim_manifest("optional", "optional")
        own["spec"]["parameters"]["repository"] = {"scanOnPush": False}
        system.kubectl.apply(own)
        system.wait("it is Ready", lambda: direct_ready(system, "optional"), HEALS_S)
        image, bundle = sorted(names("optional"))

        def seen(name: str) -> dict[str, Any]:
            (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
            return {
                "mutability": found["imageTagMutability"],
                "scan": found["imageScanningConfiguration"]["scanOnPush"],
                "rules": [
                    (rule["selection"]["tagStatus"], rule["selection"]["countNumber"])
                    for rule in json.loads(
                        ecr.get_lifecycle_policy(repositoryName=name)[
                            "lifecyclePolicyText"
                        ]
                    )["rules"]
                ],
                "may pull": "210987654321"
                in ecr.get_repository_policy(repositoryName=name)["policyText"],
                "team": {
                    tag["Key"]: tag["Value"]
                    for tag in ecr.list_tags_for_resource(
                        resourceArn=found["repositoryArn"]
                    )["tags"]
                }.get("team"),
            }

        common = {
            "mutability": "IMMUTABLE",
            "scan": False,
            "may pull": True,
            "team": "shop",
        }
        assert seen(image) == common | {"rules": [("untagged", 7), ("any", 30)]}
        assert seen(bundle) == common | {"rules": [("any", 3)]}

        forbidden = claim_manifest("forbidden", "forbidden")
        forbidden["spec"]["parameters"]["repository"] = {"forceDelete": False}
        system.kubectl.apply(forbidden)
        assert "forceDelete" in told(system, "forbidden", "NotAllowed")
        assert len(policies(system)) == 4
        delete(system, "forbidden")
        delete(system, "optional")
        system.wait("all go", lambda: not names("optional") & system.repositories())
        system.wait("the policies' resources too", lambda: not policies(system), 120)
    finally:
        system.kubectl("replace", "-f", OUR_COMPOSITION)


def policies(system: System) -> list[dict[str, Any]]:
    return [
        found
        for kind in ("lifecyclepolicies", "repositorypolicies")
        for found in system.kubectl.all(
            *(f"{kind}.ecr.aws.crossplane.io", "-l"),
            "crossplane.io/claim-name=optional",
        )
    ]
