"""The bundle beside its image."""

import pytest

from function.ecr.bundle import release_bundle
from function.ecr.naming import RepositoryName
from function.ecr.options import RepositoryOptions
from function.ecr.ownership import Ownership
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
    ProviderRights,
)

CONFIG = ProviderConfig("p")
BUNDLE = DesiredRepository(RepositoryName("t/x-bundle"), "eu-west-2", CONFIG)
MINE = BUNDLE._replace(rights=ProviderRights.FULL)
UNFORCED = MINE._replace(options=RepositoryOptions(forceDelete=False))
LEFT_ALONE = BUNDLE._replace(rights=ProviderRights.OBSERVE_ONLY)
NEW = ObservedRepository(force_delete=True)
FULL = ObservedRepository(deletable=True, force_delete=True)


@pytest.mark.parametrize(
    ("repository", "own", "ownership", "want", "reason"),
    [
        (
            BUNDLE,
            ObservedRepository(creation_started=True),
            Ownership.PENDING,
            BUNDLE,
            "it may be made right now",
        ),
        (BUNDLE, NEW, Ownership.PENDING, None, "nobody has tried to"),
        (
            BUNDLE,
            ObservedRepository(creation_started=True, problem="AccessDenied"),
            Ownership.PENDING,
            None,
            "the other claim need not wait for what cannot be made",
        ),
        (BUNDLE, NEW, Ownership.ADOPTED, None, "it stays in ECR"),
        (BUNDLE, NEW, Ownership.CREATED, None, "Never: it stays in ECR"),
        (BUNDLE, FULL, Ownership.CREATED, BUNDLE, "Never: first it may not be deleted"),
        (
            LEFT_ALONE,
            FULL,
            Ownership.ADOPTED,
            LEFT_ALONE,
            "first it may not be deleted",
        ),
        (MINE, NEW, Ownership.CREATED, UNFORCED, "to be deleted if it is empty"),
        (MINE, FULL, Ownership.CREATED, UNFORCED, "though it was ready once"),
        (
            MINE,
            ObservedRepository(deletable=True),
            Ownership.CREATED,
            None,
            "and then deleted",
        ),
        (
            MINE,
            ObservedRepository(deleting=True),
            Ownership.CREATED,
            None,
            "it is being deleted",
        ),
        (
            MINE,
            ObservedRepository(
                deleting=True, deletable=True, problem="RepositoryNotEmptyException"
            ),
            Ownership.CREATED,
            LEFT_ALONE,
            "it holds images: it stays in ECR",
        ),
    ],
)
def test_a_bundle_whose_image_is_anothers(
    repository: DesiredRepository,
    own: ObservedRepository,
    ownership: Ownership,
    want: DesiredRepository | None,
    reason: str,
) -> None:
    assert release_bundle(repository, own, ownership) == want, reason
