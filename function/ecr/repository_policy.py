"""Repository policies: who may pull and push, besides the account's own users.

Sources: the actions and conditions are in the ECR user guide, "Private repository
policy examples in Amazon ECR", and in the Lambda developer guide, "Amazon ECR
permissions". The limit of length is that of shape RepositoryPolicyText in the ECR API
model ecr/2015-09-21.
"""

import re
from collections.abc import Sequence
from typing import Any

from function.ecr import policy_json
from function.ecr.policy_json import PolicyError

LONGEST = 10_240
VERSION = "2012-10-17"
ACCOUNT = r"[0-9]{12}"
ORGANIZATION = r"o-[a-z0-9]{10,32}"  # Organizations API, shape OrganizationId
ARN = r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[A-Za-z0-9+=,.@_/-]+"
_PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
_PUSH = (
    *_PULL,
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_LAMBDA = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_EFFECTS = ("Allow", "Deny")
_STATEMENT = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
}


def partition(region: str) -> str:
    """Return the AWS partition of a region: the second part of its ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def build(
    aws_partition: str,
    pull: Sequence[str] = (),
    push: Sequence[str] = (),
    organizations: Sequence[str] = (),
    lambda_accounts: Sequence[str] = (),
) -> str:
    """Return a policy that lets some principals pull, and others push and pull.

    Args:
        aws_partition: The partition of the repository, such as aws or aws-cn.
        pull: Account IDs, and ARNs of users and roles.
        push: The same for principals that may also push.
        organizations: IDs of AWS organizations. All their accounts may pull.
        lambda_accounts: IDs of accounts whose Lambda functions may use the images.

    Raises:
        PolicyError: It is too long.
    """
    statements = []
    for sid, principals, actions in (("Pull", pull, _PULL), ("Push", push, _PUSH)):
        if principals:
            arns = [
                f"arn:{aws_partition}:iam::{p}:root" if re.fullmatch(ACCOUNT, p) else p
                for p in principals
            ]
            statements.append(_allow(sid, {"AWS": _one_or_more(arns)}, actions))
    if organizations:
        condition = {
            "StringEquals": {"aws:PrincipalOrgID": _one_or_more(organizations)}
        }
        statements.append(_allow("OrganizationPull", "*", _PULL, condition))
    if lambda_accounts:
        arns = [f"arn:{aws_partition}:lambda:*:{a}:function:*" for a in lambda_accounts]
        condition = {"StringLike": {"aws:sourceArn": _one_or_more(arns)}}
        principal = {"Service": "lambda.amazonaws.com"}
        statements.append(_allow("LambdaPull", principal, _LAMBDA, condition))
    return policy_json.write({"Version": VERSION, "Statement": statements}, LONGEST)


def parse(text: str) -> str:
    """Return a user's policy in the spelling that the function always uses.

    Raises:
        PolicyError: It is too long, or not a resource policy.
    """
    policy = policy_json.parse(text)
    if not set(policy) <= {"Version", "Id", "Statement"}:
        raise PolicyError("it can have only Version, Id and Statement")
    if policy.get("Version", VERSION) not in (VERSION, "2008-10-17"):
        raise PolicyError(f"the Version must be {VERSION} or 2008-10-17")
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise PolicyError(
            "the Statement must be an object, or a list that is not empty"
        )
    for n, statement in enumerate(statements, 1):
        _check(statement, f"statement {n}")
    return policy_json.write({**policy, "Statement": statements}, LONGEST)


def _check(statement: Any, path: str) -> None:
    if not isinstance(statement, dict) or not set(statement) <= _STATEMENT:
        raise PolicyError(
            f"{path} must be an object with only these fields: "
            f"{', '.join(sorted(_STATEMENT))}"
        )
    if statement.get("Effect") not in _EFFECTS:
        raise PolicyError(f"{path}: Effect must be Allow or Deny")
    for name in ("Principal", "Action"):
        if (name in statement) == (f"Not{name}" in statement):
            raise PolicyError(f"{path} must have either {name} or Not{name}")
    for name in ("Action", "NotAction"):
        actions = statement.get(name, [])
        for action in [actions] if isinstance(actions, str) else actions:
            if action != "*" and not str(action).startswith("ecr:"):
                raise PolicyError(f"{path}: {name} must begin with ecr:, or be *")


def _allow(
    sid: str,
    principal: Any,
    actions: Sequence[str],
    condition: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": sorted(actions),
        **({"Condition": condition} if condition else {}),
    }


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    """Return values as IAM returns them: a sorted list, or a single value."""
    ordered = sorted(set(values))
    return ordered[0] if len(ordered) == 1 else ordered
