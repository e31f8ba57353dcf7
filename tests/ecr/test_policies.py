"""Which policies a repository has."""

import pytest

from function.ecr.naming import RepositoryName
from function.ecr.options import RepositoryOptions
from function.ecr.policies import PolicyKind, desired_policy
from function.ecr.repository import (
    DesiredRepository,
    ProviderConfig,
    ProviderRights,
)
from function.providers.registry import DEFAULT

BUNDLE = DesiredRepository(
    RepositoryName("t/x-bundle"), "eu-west-2", ProviderConfig("p")
)


@pytest.mark.parametrize(
    ("rights", "want", "reason"),
    [
        (ProviderRights.OBSERVE_ONLY, False, "it was there before, or is another's"),
        (
            ProviderRights.OBSERVE_CREATE,
            False,
            "nothing is known to have created it yet",
        ),
        (ProviderRights.ORPHAN_ON_DELETE, True, "it may be changed"),
        (ProviderRights.FULL, True, "it may be changed and deleted"),
    ],
)
def test_a_policy_is_put_on_what_may_be_changed_alone(
    rights: ProviderRights, *, want: bool, reason: str
) -> None:
    options = RepositoryOptions.model_validate({"lifecycle": {"keepLast": 1}})
    repository = BUNDLE._replace(options=options, rights=rights)
    attached = desired_policy(
        DEFAULT, PolicyKind.LIFECYCLE, repository, None, exists=True
    )
    assert (attached is not None) is want, reason
