"""Lifecycle policies: what ECR would refuse is refused, what it takes is one text."""

import json
from typing import Any

import pytest

from function.ecr import lifecycle_policy as lifecycle
from function.ecr.policy_json import PolicyError

UNTAGGED = {
    "rulePriority": 1,
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 14,
    },
    "action": {"type": "expire"},
}
ANY = {
    "rulePriority": 9,
    "selection": {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": 30,
    },
    "action": {"type": "expire"},
}


def rule(base: dict[str, Any] = UNTAGGED, **changed: Any) -> dict[str, Any]:
    """Return a rule with parts of its selection or itself changed; None removes."""
    made: dict[str, Any] = json.loads(json.dumps(base))
    for key, value in changed.items():
        at = made if key in ("rulePriority", "description", "action") else None
        at = made["selection"] if at is None else at
        at[key] = value
        if value is None:
            del at[key]
    return made


def policy(*rules: object) -> str:
    return json.dumps({"rules": rules})


ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
ARCHIVED: dict[str, Any] = {
    "storageClass": "archive",
    "countType": "sinceImageTransitioned",
    "countNumber": 90,
}
ANY_ARCHIVED: dict[str, Any] = {**ARCHIVED, "tagStatus": "any"}


def tagged(count: int) -> list[dict[str, Any]]:
    """Return rules for different tags."""
    return [
        rule(rulePriority=n, tagStatus="tagged", tagPrefixList=[f"v{n}"])
        for n in range(1, count + 1)
    ]


def test_a_policy_has_one_spelling() -> None:
    """The order of the user guide: the classic provider compares texts."""
    spelled = json.dumps({"rules": [ANY, rule(description="é")]}, indent=2)
    assert lifecycle.parse(spelled) == (
        '{"rules":[{"rulePriority":1,"description":"é","selection":{'
        '"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days",'
        '"countNumber":14},"action":{"type":"expire"}},{"rulePriority":9,"selection":{'
        '"tagStatus":"any","countType":"imageCountMoreThan","countNumber":30},'
        '"action":{"type":"expire"}}]}'
    )
    assert lifecycle.parse(lifecycle.parse(spelled)) == lifecycle.parse(spelled)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (policy(UNTAGGED), "one rule"),
        (policy(UNTAGGED, ANY), "any comes last"),
        (policy(rule(tagStatus="tagged", tagPrefixList=["v", "w"])), "prefixes"),
        (
            policy(rule(tagStatus="tagged", tagPatternList=["*a*b*c*"])),
            "four wildcards",
        ),
        (policy(rule(countType="sinceImagePulled", action=ARCHIVE)), "archived"),
        (policy(rule(**ANY_ARCHIVED)), "deleted from the archive"),
        (
            policy(rule(ANY, rulePriority=8, action=ARCHIVE), rule(**ANY_ARCHIVED)),
            "any of each storage class",
        ),
        (policy(*tagged(50)), "fifty"),
        (
            policy(
                rule(tagStatus="tagged", tagPrefixList=["v"]),
                rule(rulePriority=2, tagStatus="tagged", tagPrefixList=["v", "w"]),
                rule(
                    rulePriority=3, tagStatus="tagged", tagPrefixList=["v"], **ARCHIVED
                ),
                rule(rulePriority=4),
                rule(rulePriority=5, **{**ARCHIVED, "tagStatus": "untagged"}),
            ),
            "each set of prefixes, and no tag, once in each storage class",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_lifecycle_policies_that_ecr_accepts(given: str, reason: str) -> None:
    assert json.loads(lifecycle.parse(given)), reason


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "not valid JSON"),
        ("[]", "not a JSON object"),
        ("{}", "`rules`"),
        ('{"rules": []}', "`rules`"),
        ('{"rules": [], "rules": []}', "twice"),
        ('{"rules": [NaN]}', "NaN"),
        ("[" * 100_000, "too deep"),
        (policy(UNTAGGED)[:-1] + ', "Version": 1}', "no other field"),
        (policy(1), "must be an object"),
        (policy(rule(rulePriority=None)), "rulePriority"),
        (policy(rule(rulePriority=0)), "rulePriority"),
        (policy(rule(rulePriority=True)), "rulePriority"),
        (policy(rule(rulePriority=1.5)), "rulePriority"),
        (policy(UNTAGGED, UNTAGGED), "a different rulePriority"),
        (policy(rule(description=1)), "description"),
        (policy(rule(description="\ud800")), "half a surrogate"),
        (policy(rule(ANY, rulePriority=1), rule(rulePriority=2)), "highest"),
        (policy(rule(tagStatus="some")), "tagStatus"),
        (policy(rule(tagStatus="tagged")), "must have tagPatternList or"),
        (policy(rule(tagPrefixList=["v"])), "must have neither"),
        (policy(rule(ANY, tagPatternList=["v"])), "must have neither"),
        (
            policy(rule(tagStatus="tagged", tagPrefixList=["v"], tagPatternList=["v"])),
            "must have tagPatternList or",
        ),
        (policy(rule(tagStatus="tagged", tagPrefixList=[])), "list of strings"),
        (policy(rule(tagStatus="tagged", tagPrefixList=[1])), "a tag has at most 128"),
        (
            policy(rule(tagStatus="tagged", tagPrefixList=["a b"])),
            "a tag has at most 128",
        ),
        (policy(rule(tagStatus="tagged", tagPrefixList=["v*"])), "wildcards"),
        (policy(rule(tagStatus="tagged", tagPatternList=["*a*b*c*d*"])), "wildcards"),
        (policy(rule(countType="sinceEver")), "countType"),
        (policy(rule(countUnit=None)), "countUnit"),
        (policy(rule(countUnit="weeks")), "countUnit"),
        (policy(rule(ANY, countUnit="days")), "countUnit"),
        (policy(rule(countNumber=0)), "countNumber"),
        (policy(rule(countNumber="7")), "countNumber"),
        (policy(rule(color="blue")), "only these fields: tagStatus"),
        (policy(rule(action=None)), "action"),
        (policy(rule(action={"type": "keep"})), "action"),
        (policy(rule(action={"type": "transition"})), "targetStorageClass"),
        (policy(rule(countType="sinceImagePulled")), "must be transition"),
        (policy(rule(**ARCHIVED, action=ARCHIVE)), "must be expire"),
        (policy(rule(**{**ARCHIVED, "countNumber": 89})), "90 or more"),
        (policy(rule(**{**ARCHIVED, "storageClass": None})), "storageClass"),
        (
            policy(UNTAGGED, rule(rulePriority=2, countNumber=9)),
            "only one rule for untagged in the storage class standard",
        ),
        (
            policy(
                rule(tagStatus="tagged", tagPrefixList=["w", "v"]),
                rule(rulePriority=2, tagStatus="tagged", tagPrefixList=["v", "w"]),
            ),
            "only one rule for tagPrefixList v, w in",
        ),
        (policy(rule(storageClass="archive")), "storageClass"),
        (policy(*tagged(51)), "51 rules"),
        (policy(rule(description="x" * 30_720)), "at most 30720"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_lifecycle_policies_that_ecr_refuses(given: str, why: str) -> None:
    with pytest.raises(PolicyError) as e:
        lifecycle.parse(given)
    assert why in str(e.value)
