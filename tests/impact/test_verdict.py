"""What happens to a repository, by the rights of its managed resource."""

import pytest

from function.ecr.repository import ObservedRepository
from function.impact.images import ImageCount
from function.impact.verdict import Outcome, verdict

ADOPTED = ObservedRepository(arn="arn", deletable=False)
CREATED = ObservedRepository(
    arn="arn", deletable=True, force_delete=True, created_by_provider=True
)
CAREFUL = CREATED._replace(force_delete=False)
THREE, NONE = ImageCount(3, 300), ImageCount(0, 0)
GONE = ImageCount(0, 0, exists=False)


@pytest.mark.parametrize(
    ("repository", "count", "outcome", "deletes", "reason"),
    [
        (CREATED, THREE, Outcome.DELETED, True, "the claim created it"),
        (CREATED, None, Outcome.DELETED, True, "the claim created it"),
        (CREATED, NONE, Outcome.DELETED, False, "it is empty"),
        (CREATED, GONE, Outcome.DELETED, False, "no longer exists in ECR"),
        (
            *(CREATED._replace(created_by_provider=False), THREE),
            *(Outcome.DELETED, True, "nothing proves that it created it"),
        ),
        (CAREFUL, THREE, Outcome.KEPT, False, "it holds images"),
        (CAREFUL, NONE, Outcome.DELETED, False, "it is empty"),
        (CAREFUL, None, Outcome.DELETED_IF_EMPTY, False, "may not delete images"),
        (ADOPTED, THREE, Outcome.KEPT, False, "the claim did not create it"),
        (ADOPTED, None, Outcome.KEPT, False, "the claim did not create it"),
        (
            *(CREATED._replace(deletable=False), THREE),
            *(Outcome.KEPT, False, "created it, but may not delete it"),
        ),
        (ObservedRepository(), None, Outcome.KEPT, False, "has not observed it"),
    ],
)
def test_the_rights_and_the_images_decide(
    repository: ObservedRepository,
    count: ImageCount | None,
    outcome: Outcome,
    deletes: bool,
    reason: str,
) -> None:
    found = verdict(repository, count)
    assert (found.outcome, found.deletes_images) == (outcome, deletes)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("repository", "count", "temporary", "deletes", "why"),
    [
        (CREATED, THREE, True, True, "they go when the obstacle ends"),
        (CREATED, None, True, True, "they may"),
        (CREATED, NONE, True, False, "there are none"),
        (CREATED, THREE, False, False, "the obstacle stays"),
        (ADOPTED, THREE, True, False, "they stay in any case"),
    ],
)
def test_an_obstacle_leaves_a_repository_behind(
    repository: ObservedRepository,
    count: ImageCount | None,
    temporary: bool,
    deletes: bool,
    why: str,
) -> None:
    found = verdict(repository, count, "it is paused", temporary=temporary)
    assert found == (Outcome.LEFT, "it is paused", deletes), why
