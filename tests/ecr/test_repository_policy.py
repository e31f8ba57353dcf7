"""Repository policies: what AWS would refuse is refused, what it takes is one text."""

import json
from typing import Any

import pytest

from function.ecr import repository_policy as permissions
from function.ecr.policy_json import PolicyError

STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


def statement(**changed: Any) -> str:
    made = {**STATEMENT, **changed}
    return json.dumps({"Statement": [{k: v for k, v in made.items() if v is not None}]})


def test_a_policy_for_pulling_and_pushing() -> None:
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
        ("x", "not valid JSON"),
        ("{}", "Statement"),
        ('{"Statement": []}', "Statement"),
        ('{"Statement": ["x"]}', "must be an object"),
        ('{"Version": "2020-01-01", "Statement": []}', "Version"),
        ('{"Rules": []}', "can have only"),
        (statement(Effect="Permit"), "Effect"),
        (statement(Principal=None), "Principal"),
        (statement(NotPrincipal="*"), "Principal"),
        (statement(Action=None), "Action"),
        (statement(Action="s3:*"), "ecr:"),
        (statement(Action=["ecr:*", 1]), "ecr:"),
        (statement(Color="blue"), "must be an object"),
        (statement(Sid="x" * 10_240), "at most 10240"),
    ],
)
def test_repository_policies_that_ecr_refuses(given: str, why: str) -> None:
    with pytest.raises(PolicyError) as e:
        permissions.parse(given)
    assert why in str(e.value)


def test_a_single_statement_becomes_a_list() -> None:
    one = permissions.parse(json.dumps({"Statement": STATEMENT}))
    assert one == permissions.parse(json.dumps({"Statement": [STATEMENT]}))
