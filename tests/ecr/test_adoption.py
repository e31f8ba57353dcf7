"""An adopted repository gets our options, and loses nothing."""

from typing import Any

import pytest

from function.ecr.adoption import adopted_options, adopted_repository
from function.ecr.naming import RepositoryName
from function.ecr.options import NO_OPTIONS, EncryptionOptions, RepositoryOptions
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
    ProviderRights,
)

KMS = EncryptionOptions(type="KMS", kmsKey="arn:aws:kms:eu-west-2:1:key/2")
CONFIG = ProviderConfig("aws")


def options(**fields: Any) -> RepositoryOptions:
    return NO_OPTIONS.model_copy(update=fields)


EXCLUDING = options(
    image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
    image_tag_mutability_exclusion_filters=["dev-*", "latest"],
    scan_on_push=False,
    tags={"team": "shop"},
)
LIVE = ObservedRepository(arn="arn", encryption=KMS, options=EXCLUDING)


@pytest.mark.parametrize(
    ("requested", "want", "reason"),
    [
        ({}, {}, "it keeps everything"),
        ({"scan_on_push": True}, {"scan_on_push": True}, "only that"),
        (
            {"image_tag_mutability": "MUTABLE"},
            {
                "image_tag_mutability": "MUTABLE",
                "image_tag_mutability_exclusion_filters": None,
            },
            "ECR refuses filters without an exclusion",
        ),
        (
            {"tags": {"team": "platform", "cost": "1"}},
            {"tags": {"team": "shop", "cost": "1"}},
            "a tag that it has keeps its value",
        ),
        (
            {"encryption": EncryptionOptions(type="AES256")},
            {},
            "ECR cannot change it, and the provider would then apply nothing",
        ),
        ({"force_delete": True}, {}, "nobody may delete its images"),
    ],
)
def test_what_is_written_onto_an_adopted_repository(
    requested: dict[str, Any], want: dict[str, Any], reason: str
) -> None:
    kept = {"force_delete": False, "encryption": KMS}
    written = adopted_options(options(**requested), LIVE)
    assert written == EXCLUDING.model_copy(update=kept | want), reason


def repository(**requested: Any) -> DesiredRepository:
    return DesiredRepository(
        RepositoryName("t/x"),
        "eu-west-2",
        CONFIG,
        options=options(**requested),
        rights=ProviderRights.CHANGE_ADOPTED,
    )


@pytest.mark.parametrize(
    ("requested", "differs", "reason"),
    [
        ({}, False, "nothing is requested"),
        ({"scan_on_push": False}, False, "ECR has it"),
        ({"scan_on_push": True}, True, "ECR does not have it"),
        ({"image_tag_mutability": "IMMUTABLE"}, True, "nor that"),
        (
            {
                "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION",
                "image_tag_mutability_exclusion_filters": ["latest", "dev-*"],
            },
            False,
            "the order of filters means nothing",
        ),
        (
            {
                "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION",
                "image_tag_mutability_exclusion_filters": ["latest"],
            },
            True,
            "one filter less",
        ),
        ({"tags": {"team": "platform"}}, False, "it keeps its own value"),
        ({"tags": {"cost": "1"}}, True, "a tag is missing"),
        ({"encryption": EncryptionOptions(type="AES256")}, False, "it stays"),
        ({"force_delete": True}, False, "it stays too"),
    ],
)
def test_an_update_is_prepared_only_if_something_is_missing(
    requested: dict[str, Any], reason: str, *, differs: bool
) -> None:
    got = adopted_repository(repository(**requested), LIVE)
    assert got.rights is ProviderRights.OBSERVE_ONLY, reason
    assert got.options == options(force_delete=False)
    assert got.protected_tags == ({"team": "shop"} if differs else {}), reason


OBSERVED = LIVE._replace(up_to_date=True)
PROTECTED = OBSERVED._replace(protected_tags=frozenset({"team"}))
UPDATING = PROTECTED._replace(changeable=True)
DONE = UPDATING._replace(
    options=EXCLUDING.model_copy(
        update={"scan_on_push": True, "tags": {"team": "shop", "cost": "1"}}
    )
)
WANTED = {"scan_on_push": True, "tags": {"cost": "1"}}


@pytest.mark.parametrize(
    ("observed", "sent", "reason"),
    [
        (OBSERVED, None, "the spec does not protect its tag"),
        (PROTECTED._replace(up_to_date=False), None, "there may be another tag"),
        (PROTECTED, {"cost": "1"}, "the provider found no other tag"),
        (UPDATING, {"cost": "1"}, "ECR does not scan yet"),
        (DONE, {"cost": "1"}, "else the next update would remove our tag"),
        (DONE._replace(sent_tags={"cost": "1"}), None, "ECR has everything"),
        (
            DONE._replace(sent_tags={"cost": "1"}, up_to_date=False),
            {"cost": "1"},
            "the provider may not have set it",
        ),
        (DONE._replace(sent_tags={"cost": "2"}), {"cost": "1"}, "another value"),
    ],
)
def test_the_provider_may_update_only_for_a_moment(
    observed: ObservedRepository, sent: dict[str, str] | None, reason: str
) -> None:
    got = adopted_repository(repository(**WANTED), observed)
    if sent is None:
        assert got.rights is ProviderRights.OBSERVE_ONLY, reason
        return
    assert got.rights is ProviderRights.CHANGE_ADOPTED, reason
    assert got.options.tags == sent
    assert got.options.scan_on_push is True
    assert got.options.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert got.protected_tags == {"team": "shop"}


def test_a_tag_that_an_update_removed_is_restored() -> None:
    late = DONE.options.model_copy(
        update={"tags": {"team": "shop", "cost": "1", "late": "x"}}
    )
    observed = DONE._replace(options=late, sent_tags={"cost": "1"})
    got = adopted_repository(repository(**WANTED), observed)
    assert got.rights is ProviderRights.CHANGE_ADOPTED
    assert got.options.tags == {"cost": "1", "late": "x"}
    assert got.protected_tags == {"team": "shop"}
