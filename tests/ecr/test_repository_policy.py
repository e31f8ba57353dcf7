"""Repository policies: what AWS would refuse is refused, what it takes is one text."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from function.ecr import repository_policy as permissions
from function.ecr.policy_json import PolicyError
from function.ecr.repository_policy import Grants

STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


def statement(**changed: Any) -> str:
    made = {**STATEMENT, **changed}
    return json.dumps({"Statement": [{k: v for k, v in made.items() if v is not None}]})


def test_a_policy_for_pulling_and_pushing() -> None:
    text = permissions.build(
        "aws-cn",
        Grants(
            pull=["210987654321", "123456789012", "210987654321"],
            push=["arn:aws-cn:iam::123456789012:role/ci"],
            organizations=["o-abcdefghij"],
            lambda_accounts=["123456789012"],
        ),
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


ORGANIZATION = {"aws:PrincipalOrgID": "o-abcdefghij"}
PULL = ("BatchGetImage", "GetDownloadUrlForLayer")
PUSH = ("PutImage", "UploadLayerPart")
IMAGES = ("BatchDeleteImage", "DescribeImages", "ListImages")
# With any of these, someone could lose the images or lock out the repository's owner.
REPOSITORY = (
    "DeleteRepository",
    "DeleteLifecyclePolicy",
    "DeleteRepositoryPolicy",
    "PutImageTagMutability",
    "PutLifecyclePolicy",
    "SetRepositoryPolicy",
    "TagResource",
)
EVERYTHING = (*PULL, *PUSH, *IMAGES, *REPOSITORY)
HERE, ELSEWHERE = "vpce-0123456789abcdef0", "vpce-0fedcba9876543210"


def allowed(policy: str, principal: str, **context: str) -> set[str]:
    """Return which actions a policy allows, as IAM evaluates Allow statements.

    Args:
        policy: A policy that has only Allow, and StringEquals or StringLike.
        principal: The ARN of an account, or the name of a service.
        context: The values of condition keys, without `aws:`.
    """
    found = set()
    for each in json.loads(policy)["Statement"]:
        assert each["Effect"] == "Allow", "a Deny could lock everyone out"
        who = each["Principal"]
        names = ["*"] if who == "*" else listed(*who.values())
        conditions = [
            any(fnmatchcase(context.get(key.removeprefix("aws:"), ""), v) for v in of)
            for keys in each.get("Condition", {}).values()
            for key, values in keys.items()
            for of in [listed(values)]
        ]
        if ("*" in names or principal in names) and all(conditions):
            found |= {action.removeprefix("ecr:") for action in listed(each["Action"])}
    return found & set(EVERYTHING)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


OURS, THEIRS = "arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"
LAMBDA = "lambda.amazonaws.com"
FUNCTION = {"sourceArn": "arn:aws:lambda:eu-west-2:111111111111:function:f"}
MEMBER = {"PrincipalOrgID": "o-abcdefghij"}


@pytest.mark.parametrize(
    ("grants", "principal", "context", "want", "reason"),
    [
        ({"pull": [OURS]}, OURS, {}, PULL, "listed"),
        ({"pull": [OURS]}, THEIRS, {}, (), "not listed"),
        ({"push": [OURS]}, OURS, {}, (*PULL, *PUSH), "push includes pull"),
        ({"organizations": ["o-abcdefghij"]}, THEIRS, MEMBER, PULL, "a member"),
        ({"organizations": ["o-abcdefghij"]}, THEIRS, {}, (), "of no organization"),
        (
            {"push_organizations": ["o-abcdefghij", "o-klmnopqrst"]},
            THEIRS,
            MEMBER,
            (*PULL, *PUSH),
            "a member of one of two",
        ),
        (
            {"push_organizations": ["o-klmnopqrst"]},
            THEIRS,
            MEMBER,
            (),
            "a member of another one",
        ),
        (
            {"full_access_organizations": ["o-abcdefghij"]},
            THEIRS,
            MEMBER,
            (*PULL, *PUSH, *IMAGES),
            "all that can be done with images, and nothing with the repository",
        ),
        (
            {"pull": [OURS], "vpc_endpoints": [HERE, "vpce-12345678"]},
            OURS,
            {"SourceVpce": HERE},
            PULL,
            "through one of the endpoints",
        ),
        (
            {"pull": [OURS], "push": [OURS], "vpc_endpoints": [HERE]},
            OURS,
            {"SourceVpce": ELSEWHERE},
            (),
            "through another endpoint",
        ),
        (
            {"pull": [OURS], "push": [OURS], "vpc_endpoints": [HERE]},
            OURS,
            {},
            (),
            "from the internet",
        ),
        (
            {"full_access_organizations": ["o-abcdefghij"], "vpc_endpoints": [HERE]},
            THEIRS,
            {**MEMBER, "SourceVpce": HERE},
            (*PULL, *PUSH, *IMAGES),
            "a member through the endpoint",
        ),
        (
            {"full_access_organizations": ["o-abcdefghij"], "vpc_endpoints": [HERE]},
            THEIRS,
            MEMBER,
            (),
            "a member from the internet",
        ),
        (
            {"full_access_organizations": ["o-abcdefghij"], "vpc_endpoints": [HERE]},
            THEIRS,
            {"SourceVpce": HERE},
            (),
            "no member, through the endpoint",
        ),
        (
            {
                "lambda_accounts": ["111111111111"],
                "pull": [OURS],
                "vpc_endpoints": [HERE],
            },
            LAMBDA,
            FUNCTION,
            PULL,
            "Lambda pulls for the function, and not through its VPC",
        ),
    ],
)
def test_who_may_do_what(
    grants: dict[str, Any],
    principal: str,
    context: dict[str, str],
    want: tuple[str, ...],
    reason: str,
) -> None:
    text = permissions.build("aws", Grants(**grants))
    assert allowed(text, principal, **context) == set(want), reason


def test_a_policy_for_organizations_through_an_endpoint() -> None:
    text = permissions.build(
        "aws",
        Grants(
            pull=["111111111111"],
            push_organizations=["o-abcdefghij"],
            full_access_organizations=["o-klmnopqrst"],
            vpc_endpoints=[HERE, ELSEWHERE],
        ),
    )
    endpoints = {"aws:SourceVpce": [HERE, ELSEWHERE]}
    assert [
        (s["Sid"], s["Principal"], s["Condition"])
        for s in json.loads(text)["Statement"]
    ] == [
        ("Pull", {"AWS": OURS}, {"StringEquals": endpoints}),
        ("OrganizationPush", "*", {"StringEquals": {**endpoints, **ORGANIZATION}}),
        (
            "OrganizationFullAccess",
            "*",
            {"StringEquals": {**endpoints, "aws:PrincipalOrgID": "o-klmnopqrst"}},
        ),
    ]
    assert permissions.parse(text) == text


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
