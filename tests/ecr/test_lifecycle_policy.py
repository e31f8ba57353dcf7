"""ECR's JSON policies: what AWS would refuse is refused, what it takes is one text."""

import json
from typing import Any

import pytest

from function.ecr import lifecycle_policy as lifecycle
from function.ecr import repository_policy as permissions
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
    made = json.loads(json.dumps(base))
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
ARCHIVED = {
    "tagStatus": "any",
    "storageClass": "archive",
    "countType": "sinceImageTransitioned",
    "countNumber": 90,
}


def test_one_text_whatever_the_spelling() -> None:
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
        (policy(rule(**ARCHIVED)), "deleted from the archive"),
        (
            policy(rule(ANY, rulePriority=8, action=ARCHIVE), rule(**ARCHIVED)),
            "any of each storage class",
        ),
        (
            policy(*(rule(rulePriority=n) for n in range(1, 51))),
            "fifty",
        ),
    ],
)
def test_lifecycle_policies_that_ecr_takes(given: str, reason: str) -> None:
    assert json.loads(lifecycle.parse(given)), reason


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "not JSON"),
        ("[]", "no JSON object"),
        ("{}", "`rules`"),
        ('{"rules": []}', "`rules`"),
        ('{"rules": [], "rules": []}', "twice"),
        ('{"rules": [NaN]}', "NaN"),
        ("[" * 100_000, "too deep"),
        (policy(UNTAGGED)[:-1] + ', "Version": 1}', "nothing else"),
        (policy(1), "must be an object"),
        (policy(rule(rulePriority=None)), "rulePriority"),
        (policy(rule(rulePriority=0)), "rulePriority"),
        (policy(rule(rulePriority=True)), "rulePriority"),
        (policy(rule(rulePriority=1.5)), "rulePriority"),
        (policy(UNTAGGED, UNTAGGED), "of its own"),
        (policy(rule(description=1)), "description"),
        (policy(rule(description="\ud800")), "half of a character"),
        (policy(rule(ANY, rulePriority=1), rule(rulePriority=2)), "highest"),
        (policy(rule(tagStatus="some")), "tagStatus"),
        (policy(rule(tagStatus="tagged")), "one of tagPatternList"),
        (policy(rule(tagPrefixList=["v"])), "any other none"),
        (policy(rule(ANY, tagPatternList=["v"])), "any other none"),
        (
            policy(rule(tagStatus="tagged", tagPrefixList=["v"], tagPatternList=["v"])),
            "one of",
        ),
        (policy(rule(tagStatus="tagged", tagPrefixList=[])), "list of strings"),
        (policy(rule(tagStatus="tagged", tagPrefixList=[1])), "image tags"),
        (policy(rule(tagStatus="tagged", tagPrefixList=["a b"])), "image tags"),
        (policy(rule(tagStatus="tagged", tagPrefixList=["v*"])), "wildcards"),
        (policy(rule(tagStatus="tagged", tagPatternList=["*a*b*c*d*"])), "wildcards"),
        (policy(rule(countType="sinceEver")), "countType"),
        (policy(rule(countUnit=None)), "countUnit"),
        (policy(rule(countUnit="weeks")), "countUnit"),
        (policy(rule(ANY, countUnit="days")), "countUnit"),
        (policy(rule(countNumber=0)), "countNumber"),
        (policy(rule(countNumber="7")), "countNumber"),
        (policy(rule(color="blue")), "must be an object of tagStatus"),
        (policy(rule(action=None)), "action"),
        (policy(rule(action={"type": "keep"})), "action"),
        (policy(rule(action={"type": "transition"})), "targetStorageClass"),
        (policy(rule(countType="sinceImagePulled")), "must be transition"),
        (policy(rule(**ARCHIVED, action=ARCHIVE)), "must be expire"),
        (policy(rule(**{**ARCHIVED, "countNumber": 89})), "90 days"),
        (policy(rule(**{**ARCHIVED, "storageClass": None})), "storageClass"),
        (policy(rule(storageClass="archive")), "storageClass"),
        (policy(*(rule(rulePriority=n) for n in range(1, 52))), "51 rules"),
        (policy(rule(description="x" * 30_720)), "30720 at most"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_lifecycle_policies_that_ecr_refuses(given: str, why: str) -> None:
    with pytest.raises(PolicyError) as e:
        lifecycle.parse(given)
    assert why in str(e.value)


STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


def statement(**changed: Any) -> str:
    made = {**STATEMENT, **changed}
    return json.dumps({"Statement": [{k: v for k, v in made.items() if v is not None}]})


def test_who_may_pull_and_push() -> None:
    text = permissions.build(
        "aws-cn",
        pull=["210987654321", "123456789012", "210987654321"],
        push=["arn:aws-cn:iam::123456789012:role/ci"],
        organizations=["o-abcdefghij"],
        lambda_accounts=["123456789012"],
    )
    pull = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]
    assert json.loads(text) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Pull",
                "Effect": "Allow",
                "Principal": {
                    "AWS": [
                        "arn:aws-cn:iam::123456789012:root",
                        "arn:aws-cn:iam::210987654321:root",
                    ]
                },
                "Action": pull,
            },
            {
                "Sid": "Push",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws-cn:iam::123456789012:role/ci"},
                "Action": [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ],
            },
            {
                "Sid": "OrganizationPull",
                "Effect": "Allow",
                "Principal": "*",
                "Action": pull,
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
            },
            {
                "Sid": "LambdaPull",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {
                    "StringLike": {
                        "aws:sourceArn": "arn:aws-cn:lambda:*:123456789012:function:*"
                    }
                },
            },
        ],
    }
    assert permissions.parse(json.dumps(json.loads(text), indent=1)) == text


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-2", "aws"),
        ("us-east-1", "aws"),
        ("us-gov-east-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
    ],
)
def test_partitions(region: str, partition: str) -> None:
    assert permissions.partition(region) == partition


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("x", "not JSON"),
        ("{}", "Statement"),
        ('{"Statement": []}', "Statement"),
        ('{"Statement": ["x"]}', "must be an object"),
        ('{"Version": "2020-01-01", "Statement": []}', "Version"),
        ('{"Rules": []}', "nothing else"),
        (statement(Effect="Permit"), "Effect"),
        (statement(Principal=None), "Principal"),
        (statement(NotPrincipal="*"), "Principal"),
        (statement(Action=None), "Action"),
        (statement(Action="s3:*"), "ecr:"),
        (statement(Action=["ecr:*", 1]), "ecr:"),
        (statement(Color="blue"), "must be an object"),
        (statement(Sid="x" * 10_240), "10240 at most"),
    ],
)
def test_repository_policies_that_ecr_refuses(given: str, why: str) -> None:
    with pytest.raises(PolicyError) as e:
        permissions.parse(given)
    assert why in str(e.value)


def test_one_statement_is_a_list_of_one() -> None:
    one = permissions.parse(json.dumps({"Statement": STATEMENT}))
    assert one == permissions.parse(json.dumps({"Statement": [STATEMENT]}))
