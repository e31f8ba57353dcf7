"""Provider rights follow from the ownership and from `deletion`."""

import pytest

from function.ecr.options import NO_OPTIONS, RepositoryOptions
from function.ecr.ownership import Ownership
from function.ecr.provider_rights import (
    Adoption,
    Deletion,
    exceeds_earned_rights,
    options_under,
    provider_rights,
)
from function.ecr.repository import ProviderRights

ONLY_CREATED, ALWAYS, NEVER = Deletion.ONLY_CREATED, Deletion.ALWAYS, Deletion.NEVER
WHEN_EMPTY = Deletion.WHEN_EMPTY
RIGHTS = {
    (Ownership.UNCLAIMED, ONLY_CREATED): ProviderRights.OBSERVE_CREATE,
    (Ownership.UNCLAIMED, ALWAYS): ProviderRights.OBSERVE_CREATE,
    (Ownership.UNCLAIMED, NEVER): ProviderRights.OBSERVE_CREATE,
    (Ownership.UNCLAIMED, WHEN_EMPTY): ProviderRights.OBSERVE_CREATE,
    (Ownership.PENDING, ONLY_CREATED): ProviderRights.OBSERVE_CREATE,
    (Ownership.PENDING, ALWAYS): ProviderRights.OBSERVE_CREATE,
    (Ownership.PENDING, NEVER): ProviderRights.OBSERVE_CREATE,
    (Ownership.PENDING, WHEN_EMPTY): ProviderRights.OBSERVE_CREATE,
    (Ownership.CREATED, ONLY_CREATED): ProviderRights.FULL,
    (Ownership.CREATED, ALWAYS): ProviderRights.FULL,
    (Ownership.CREATED, NEVER): ProviderRights.ORPHAN_ON_DELETE,
    (Ownership.CREATED, WHEN_EMPTY): ProviderRights.FULL,
    (Ownership.ADOPTED, ONLY_CREATED): ProviderRights.OBSERVE_ONLY,
    (Ownership.ADOPTED, ALWAYS): ProviderRights.FULL,
    (Ownership.ADOPTED, NEVER): ProviderRights.OBSERVE_ONLY,
    (Ownership.ADOPTED, WHEN_EMPTY): ProviderRights.OBSERVE_ONLY,
    (Ownership.CONFLICT, ONLY_CREATED): ProviderRights.OBSERVE_ONLY,
    (Ownership.CONFLICT, ALWAYS): ProviderRights.OBSERVE_ONLY,
    (Ownership.CONFLICT, NEVER): ProviderRights.OBSERVE_ONLY,
    (Ownership.CONFLICT, WHEN_EMPTY): ProviderRights.OBSERVE_ONLY,
}


@pytest.mark.parametrize("deletion", Deletion)
@pytest.mark.parametrize("ownership", Ownership)
def test_provider_rights(ownership: Ownership, deletion: Deletion) -> None:
    found = provider_rights(deletion, ownership, deletes_images=False)
    assert found is RIGHTS[ownership, deletion]


@pytest.mark.parametrize("deletion", Deletion)
@pytest.mark.parametrize("ownership", Ownership)
def test_the_right_to_delete_waits_until_images_are_kept(
    ownership: Ownership, deletion: Deletion
) -> None:
    want = RIGHTS[ownership, deletion]
    if deletion is WHEN_EMPTY and want is ProviderRights.FULL:
        want = ProviderRights.ORPHAN_ON_DELETE
    assert provider_rights(deletion, ownership, deletes_images=True) is want


@pytest.mark.parametrize("deletion", Deletion)
@pytest.mark.parametrize("force", [None, True, False])
def test_when_empty_wins_over_force_delete(
    deletion: Deletion, *, force: bool | None
) -> None:
    options = NO_OPTIONS.model_copy(update={"force_delete": force, "tags": {"a": "b"}})
    found = options_under(deletion, options)
    want = {"forceDelete": False if deletion is WHEN_EMPTY else force}
    assert found == RepositoryOptions.model_validate(want | {"tags": {"a": "b"}})


@pytest.mark.parametrize("deletion", Deletion)
@pytest.mark.parametrize("ownership", Ownership)
def test_an_adopted_repository_may_be_changed_but_not_deleted(
    ownership: Ownership, deletion: Deletion
) -> None:
    want = RIGHTS[ownership, deletion]
    if ownership is Ownership.ADOPTED and deletion is not ALWAYS:
        want = ProviderRights.CHANGE_ADOPTED
    got = provider_rights(deletion, ownership, Adoption.MANAGE, deletes_images=False)
    assert got is want
    assert got.may_delete == RIGHTS[ownership, deletion].may_delete


@pytest.mark.parametrize("adopt", Adoption)
@pytest.mark.parametrize("deletion", Deletion)
@pytest.mark.parametrize("ownership", Ownership)
def test_an_existing_repository_is_never_created_or_deleted(
    ownership: Ownership, deletion: Deletion, adopt: Adoption
) -> None:
    managed = ownership is Ownership.ADOPTED and adopt is Adoption.MANAGE
    want = ProviderRights.CHANGE_ADOPTED if managed else ProviderRights.OBSERVE_ONLY
    got = provider_rights(
        deletion, ownership, adopt, existing=True, deletes_images=False
    )
    assert got is want


@pytest.mark.parametrize(
    ("has", "earned", "want", "reason"),
    [
        ((False, False), (False, False), False, "it may only observe"),
        ((False, True), (False, True), False, "the right to change is earned"),
        ((True, True), (True, True), False, "both rights are earned"),
        ((False, True), (True, True), False, "it has less than it has earned"),
        ((False, True), (False, False), True, "the right to change is not earned"),
        ((True, True), (False, True), True, "the right to delete is not earned"),
        ((True, False), (False, True), True, "one right does not stand for the other"),
    ],
)
def test_rights_that_are_not_earned(
    has: tuple[bool, bool], earned: tuple[bool, bool], reason: str, *, want: bool
) -> None:
    exceeds = exceeds_earned_rights(
        may_delete=has[0],
        may_change=has[1],
        earned_delete=earned[0],
        earned_change=earned[1],
    )
    assert exceeds is want, reason
