"""Repository policies: who may pull and push, besides the account's own users.

Sources: the actions and conditions are in the ECR user guide, "Private repository
policy examples in Amazon ECR", and in the Lambda developer guide, "Amazon ECR
permissions". aws:PrincipalOrgID and aws:SourceVpce are in the IAM user guide, "AWS
global condition context keys". The limit of length is that of shape
RepositoryPolicyText in the ECR API model ecr/2015-09-21.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from function.ecr import policy_json
from function.ecr.policy_json import PolicyError

LONGEST = 10_240
VERSION = "2012-10-17"
ACCOUNT = r"[0-9]{12}"
ORGANIZATION = r"o-[a-z0-9]{10,32}"  # Organizations API, shape OrganizationId
# EC2's older IDs have 8 digits, its newer ones 17 ("Longer IDs").
VPC_ENDPOINT = r"vpce-([0-9a-f]{8}|[0-9a-f]{17})"
ARN = r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[A-Za-z0-9+=,.@_/-]+"
_Actions = tuple[str, ...]
_PULL: _Actions = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
_PUSH: _Actions = (
    *_PULL,
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
# All that can be done with images, and nothing that changes or deletes the repository:
# the actions of AWS's managed policy AmazonEC2ContainerRegistryPowerUser on a
# repository, and two more.
_FULL: _Actions = (
    *_PUSH,
    "ecr:BatchDeleteImage",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:GetRepositoryPolicy",
    "ecr:ListImages",
    "ecr:ListTagsForResource",
    "ecr:StartImageScan",
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


class Grants(NamedTuple):
    """Who may do what.

    Attributes:
        pull: Account IDs, and ARNs of users and roles.
        push: The same for principals that may also push.
        organizations: IDs of AWS organizations. All their accounts may pull.
        push_organizations: The same for organizations that may also push.
        full_access_organizations: The same for those that may also delete images.
        lambda_accounts: IDs of accounts whose Lambda functions may use the images.
        vpc_endpoints: IDs of VPC endpoints; empty for any network. All but Lambda must
            use one of them.
    """

    pull: Sequence[str] = ()
    push: Sequence[str] = ()
    organizations: Sequence[str] = ()
    push_organizations: Sequence[str] = ()
    full_access_organizations: Sequence[str] = ()
    lambda_accounts: Sequence[str] = ()
    vpc_endpoints: Sequence[str] = ()


def build(aws_partition: str, grants: Grants) -> str:
    """Return a policy that grants access. It never denies anything.

    Args:
        aws_partition: The partition of the repository, such as aws or aws-cn.
        grants: Who may do what.

    Raises:
        PolicyError: It is too long.
    """
    # A condition of what is allowed, and no Deny: a Deny would also apply to the
    # provider, which could then neither correct nor delete the policy.
    network = (
        {"aws:SourceVpce": _one_or_more(grants.vpc_endpoints)}
        if grants.vpc_endpoints
        else {}
    )
    statements = []
    for sid, principals, actions in (
        ("Pull", grants.pull, _PULL),
        ("Push", grants.push, _PUSH),
    ):
        if principals:
            arns = [
                f"arn:{aws_partition}:iam::{p}:root" if re.fullmatch(ACCOUNT, p) else p
                for p in principals
            ]
            statements.append(
                _allow(sid, {"AWS": _one_or_more(arns)}, actions, StringEquals=network)
            )
    for sid, organizations, actions in (
        ("OrganizationPull", grants.organizations, _PULL),
        ("OrganizationPush", grants.push_organizations, _PUSH),
        ("OrganizationFullAccess", grants.full_access_organizations, _FULL),
    ):
        if organizations:
            condition = {"aws:PrincipalOrgID": _one_or_more(organizations), **network}
            statements.append(_allow(sid, "*", actions, StringEquals=condition))
    if grants.lambda_accounts:
        arns = [
            f"arn:{aws_partition}:lambda:*:{a}:function:*"
            for a in grants.lambda_accounts
        ]
        functions = {"aws:sourceArn": _one_or_more(arns)}
        service = {"Service": "lambda.amazonaws.com"}
        statements.append(_allow("LambdaPull", service, _LAMBDA, StringLike=functions))
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
    sid: str, principal: Any, actions: Sequence[str], **conditions: dict[str, Any]
) -> dict[str, Any]:
    condition = {operator: keys for operator, keys in conditions.items() if keys}
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
