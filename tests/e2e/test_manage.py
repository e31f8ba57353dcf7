"""`adopt: Manage`: the options apply to adopted repositories, which lose nothing."""

import json
from collections.abc import Iterator
from typing import Any

import claims
import pytest
from system import System

NAME = f"{claims.PREFIX}/heirloom-default"
# What a person gave the repository, and what must still be there at the end.
TAGS = {"team": "shop", "app.kubernetes.io/name": "heirloom", "cost": "theirs"}
EXCLUSION = [{"filterType": "WILDCARD", "filter": "dev-*"}]
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "untagged",
                "countType": "imageCountMoreThan",
                "countNumber": 99,
            },
            "action": {"type": "expire"},
        }
    ]
}
READERS = {
    "Statement": [
        {
            "Sid": "Readers",
            "Effect": "Allow",
            "Principal": {"AWS": "210987654321"},
            "Action": ["ecr:BatchGetImage"],
        }
    ]
}


@pytest.fixture
def heirloom(system: System) -> Iterator[str]:
    """A repository of a person, with everything that ECR can say; returns its ARN."""
    made = system.ecr.create_repository(
        repositoryName=NAME,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=EXCLUSION,
        imageScanningConfiguration={"scanOnPush": False},
        encryptionConfiguration={"encryptionType": "KMS"},
        tags=[{"Key": k, "Value": v} for k, v in TAGS.items()],
    )["repository"]
    system.ecr.put_lifecycle_policy(
        repositoryName=NAME, lifecyclePolicyText=json.dumps(LIFECYCLE)
    )
    system.ecr.set_repository_policy(
        repositoryName=NAME, policyText=json.dumps(READERS)
    )
    claims.push(system, NAME)
    yield made["repositoryArn"]
    system.ecr.delete_repository(repositoryName=NAME, force=True)


def _found(system: System) -> dict[str, Any]:
    (found,) = system.ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    return dict(found)


def _tags(system: System, arn: str) -> dict[str, str]:
    listed = system.ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def _lifecycle(system: System) -> dict[str, Any]:
    text = system.ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]
    return dict(json.loads(text))


def _readers(system: System) -> dict[str, Any]:
    text = system.ecr.get_repository_policy(repositoryName=NAME)["policyText"]
    return dict(json.loads(text))


def _only_observes(system: System) -> bool:
    spec = claims.managed(system)[NAME]["spec"]
    return bool(spec["managementPolicies"] == ["Observe"])


def test_options_apply_to_an_adopted_repository_which_loses_nothing(
    system: System, heirloom: str
) -> None:
    before = claims.contents(system, {NAME})
    encryption = _found(system)["encryptionConfiguration"]
    claims.apply(system, "heirloom")
    said = claims.wait_for_reason(system, "heirloom", "Adopted")
    assert "The options apply to them too" not in said
    assert _tags(system, heirloom) == TAGS, "by default it is only observed"

    # The provider has not polled since. It sees this tag when it may already update.
    late = {"late": "between two polls"}
    system.ecr.tag_resource(
        resourceArn=heirloom, tags=[{"Key": k, "Value": v} for k, v in late.items()]
    )
    options = {
        "scanOnPush": True,
        "tags": {"cost": "ours", "platform": "yes"},
        "encryption": {"type": "AES256"},
    }
    with system.configured(adopt="Manage", image=options):
        system.wait(
            "ECR scans on push",
            lambda: _found(system)["imageScanningConfiguration"]["scanOnPush"],
            claims.HEALS_S,
        )
        system.wait(
            "the provider may only observe again",
            lambda: _only_observes(system),
            claims.HEALS_S,
        )
        added = {"platform": "yes"}

        def kept() -> bool:
            found = _tags(system, heirloom)
            ours = {k: v for k, v in found.items() if not k.startswith("crossplane-")}
            return ours == TAGS | late | added

        system.wait("all tags are there", kept, 30)
        found = _found(system)
        assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
        assert found["imageTagMutabilityExclusionFilters"] == EXCLUSION
        assert found["encryptionConfiguration"] == encryption
        assert _lifecycle(system) == LIFECYCLE, "no option replaces it"
        assert _readers(system) == READERS
        assert claims.contents(system, {NAME}) == before
        claims.wait_for_reason(system, "heirloom", "Adopted")
        message = claims.ready_condition(system, "heirloom")["message"]
        assert "keeps adopted repositories. The options apply to them too" in message

        # From now on people can tag it as they like.
        system.ecr.tag_resource(
            resourceArn=heirloom, tags=[{"Key": "later", "Value": "1"}]
        )
        system.ecr.untag_resource(resourceArn=heirloom, tagKeys=["late"])
        system.wait(
            "the provider has seen the tag",
            lambda: "later" in _tags_of_status(system),
            90,
        )
        claims.wait_for_reason(system, "heirloom", "Adopted")
        assert _only_observes(system)
        tags = _tags(system, heirloom)
        assert tags["later"] == "1"
        assert "late" not in tags

        claims.delete(system, "heirloom")
        bundle = f"{NAME}-bundle"
        claims.wait_gone(system, NAME, bundle, but=frozenset({NAME}))
    assert claims.contents(system, {NAME}) == before
    assert TAGS.items() <= _tags(system, heirloom).items()


def _tags_of_status(system: System) -> dict[str, str]:
    return dict(claims.managed(system)[NAME]["status"]["atProvider"]["tags"])


def test_policies_apply_to_an_adopted_repository_and_are_removed_again(
    system: System, heirloom: str
) -> None:
    before = claims.contents(system, {NAME})
    options = {
        "lifecycle": {"keepLast": 30},
        "permissions": {"pull": ["109876543210"]},
    }
    with system.configured(adopt="Manage", image=options):
        claims.apply(system, "heirloom")
        claims.wait_for_reason(system, "heirloom", "Adopted")

        def applied() -> bool:
            (rule,) = _lifecycle(system)["rules"]
            return rule["selection"][
                "countNumber"
            ] == 30 and "109876543210" in json.dumps(_readers(system))

        system.wait("ECR has both policies", applied, claims.HEALS_S)
        assert _tags(system, heirloom) == TAGS, "nothing else differs"
        assert _only_observes(system)
    # The settings say `adopt: Observe` again.
    exceptions = system.ecr.exceptions

    def removed() -> bool:
        for get, missing in (
            (_lifecycle, exceptions.LifecyclePolicyNotFoundException),
            (_readers, exceptions.RepositoryPolicyNotFoundException),
        ):
            try:
                get(system)
            except missing:
                continue
            return False
        return True

    system.wait("ECR has no policy of the claim", removed, claims.HEALS_S)
    claims.delete(system, "heirloom")
    claims.wait_gone(system, NAME, f"{NAME}-bundle", but=frozenset({NAME}))
    assert claims.contents(system, {NAME}) == before
    assert _tags(system, heirloom) == TAGS


def test_an_existing_repository_is_used_and_never_created_or_deleted(
    system: System, heirloom: str
) -> None:
    before = claims.contents(system, {NAME})
    absent = f"{claims.PREFIX}/not-yet"
    own = claims.names("guest") | claims.names("early")
    allow = {"existingNames": [f"{claims.PREFIX}/*"]}
    options = {"scanOnPush": True, "tags": {"platform": "yes"}}
    with system.configured(
        adopt="Manage", allow=allow, repository=options, deletion="Always"
    ):
        for name, existing in (("guest", NAME), ("early", absent)):
            manifest = claims.manifest(name)
            manifest["spec"]["parameters"]["existingName"] = existing
            system.kubectl.apply(manifest)
        said = claims.wait_for_reason(system, "guest", "Adopted")
        assert f"Adopted, not created by this claim: {NAME}. " in said
        assert "Deleting the claim keeps adopted repositories" in said
        system.wait(
            "ECR scans on push, and the provider may only observe again",
            lambda: (
                _found(system)["imageScanningConfiguration"]["scanOnPush"]
                and _only_observes(system)
            ),
            claims.HEALS_S,
        )
        assert TAGS.items() <= _tags(system, heirloom).items()
        status = (claims.claim(system, "guest") or {})["status"]
        assert status["repositories"]["existing"]["arn"] == heirloom

        # Another claim whose image has this name.
        claims.apply(system, "heirloom")
        claims.wait_for_reason(system, "heirloom", "NameTaken")
        claims.delete(system, "heirloom")

        def reported() -> bool:
            message = claims.ready_condition(system, "early").get("message", "")
            return "No claim creates it" in message

        system.wait("the other claim says what is missing", reported, claims.HEALS_S)
        assert absent not in system.repositories()
        system.ecr.create_repository(repositoryName=absent)
        claims.wait_ready(system, "early", seconds=claims.HEALS_S)

        claims.delete(system, "guest", "early")
        kept = frozenset({NAME, absent})
        claims.wait_gone(system, *own, NAME, absent, but=kept)
    assert claims.contents(system, {NAME}) == before
    assert TAGS.items() <= _tags(system, heirloom).items()
    system.ecr.delete_repository(repositoryName=absent)
