"""The repositories in the output of the AWS CLI, Terraform or OpenTofu. Pure.

The documents come from `aws ecr describe-repositories`, `terraform show -json`, or
`terraform state pull`. Nothing in them is trusted: names are only copied.

Formats: AWS CLI, "describe-repositories"; Terraform, "JSON Output Format" (state
representation, format_version 1.*); hashicorp/terraform v1.9,
internal/states/statefile/version4.go. OpenTofu has the same two.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from function.cli.errors import InputFileError
from function.errors import printable, quote

_REPOSITORY = "aws_ecr_repository"
# They belong to a repository, and Terraform must forget them with it.
_POLICIES = ("aws_ecr_lifecycle_policy", "aws_ecr_repository_policy")
_STATE_VERSION = 4
_MAX_DEPTH = 100
_ARN = re.compile(
    r"arn:[a-z-]+:ecr:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):repository/(?P<name>.+)",
    re.DOTALL,
)
_TOKENS = ("nextToken", "NextToken")
_KNOWN = (
    "the output of `aws ecr describe-repositories`, `terraform show -json` or "
    "`terraform state pull`"
)


class Obstacle(NamedTuple):
    """Why a repository cannot be adopted as it is listed.

    Attributes:
        problem: The problem, a sentence without its full stop.
        fix: What to do, a sentence without its full stop.
    """

    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class ListedRepository:
    """A repository that a document lists. Its texts are not trusted.

    Attributes:
        name: Its name.
        file: The file that lists it, as the user typed it.
        region: Its region; empty if unknown.
        account: The AWS account of its registry; empty if unknown.
        addresses: The addresses of the repository and its policies in the Terraform
            state; nothing from AWS.
        obstacle: Why it cannot be adopted as it is; None if nothing is known.
    """

    name: str
    file: str
    region: str = ""
    account: str = ""
    addresses: tuple[str, ...] = ()
    obstacle: Obstacle | None = None

    @property
    def origin(self) -> str:
        """Where it is listed, for a message."""
        address = printable(self.addresses[0]) if self.addresses else ""
        return f"{self.file} ({address})" if address else self.file


class _Resource(NamedTuple):
    """A resource of a Terraform state, from either format."""

    address: str
    type: str
    values: dict[str, Any]
    tainted: bool
    deposed: bool


def listed_repositories(
    documents: Iterable[tuple[str, object]],
) -> list[ListedRepository]:
    """Return the repositories that documents list, in their order.

    Args:
        documents: The name of the file and the content of each document.

    Raises:
        InputFileError: A document has another format, or a list is not complete.
    """
    found: list[ListedRepository] = []
    # The file of a page of a list that is not the last one.
    unfinished = ""
    for file, content in documents:
        pages = content if isinstance(content, list) else [content]
        for page in pages:
            if not isinstance(page, dict):
                raise _unknown(file)
            if isinstance(page.get("repositories"), list):
                token = any(page.get(name) for name in _TOKENS)
                unfinished = file if token else ""
                found += [_of_aws(file, item) for item in page["repositories"]]
            elif "repositoryName" in page:
                found.append(_of_aws(file, page))
            else:
                found += _of_terraform(file, list(_resources(file, page)))
    if unfinished:
        raise InputFileError(
            unfinished,
            "the list is not complete: it has a nextToken, and no further page is "
            "given. List again without --no-paginate and --max-items, or add the file "
            "with the next page",
        )
    return found


def _of_aws(file: str, item: object) -> ListedRepository:
    if not isinstance(item, dict):
        raise _unknown(file)
    repository = ListedRepository(
        _text(file, item, "repositoryName"),
        file,
        account=_text(file, item, "registryId", default=""),
    )
    return _located(repository, _text(file, item, "repositoryArn", default=""))


def _of_terraform(file: str, resources: list[_Resource]) -> Iterator[ListedRepository]:
    """Yield the repositories of a state, each with its policies."""
    policies: dict[str, list[_Resource]] = {}
    for resource in resources:
        if resource.type in _POLICIES:
            of = _text(file, resource.values, "repository", resource.address, "")
            policies.setdefault(of, []).append(resource)
    for resource in resources:
        if resource.type != _REPOSITORY:
            continue
        values, address = resource.values, resource.address
        repository = ListedRepository(
            _text(file, values, "name", address),
            file,
            region=_text(file, values, "region", address, ""),
            account=_text(file, values, "registry_id", address, ""),
        )
        repository = _located(repository, _text(file, values, "arn", address, ""))
        own = sorted(
            policy.address
            for policy in policies.get(repository.name, ())
            # Before version 6 of Terraform's AWS provider, only its configuration has
            # the region. Then Terraform forgets a policy too many: that deletes none.
            if policy.values.get("region") in (None, repository.region)
        )
        yield replace(
            repository,
            addresses=(address, *own),
            obstacle=_terraform_obstacle(resource) or repository.obstacle,
        )


def _terraform_obstacle(resource: _Resource) -> Obstacle | None:
    address = printable(resource.address)
    if resource.deposed:
        return Obstacle(
            f"it is a deposed object of {address}: the next `terraform apply` deletes "
            "it",
            f"Remove {address} from the state with `terraform state rm`, and list the "
            "repositories with `aws ecr describe-repositories`",
        )
    if resource.tainted:
        return Obstacle(
            f"{address} is tainted: the next `terraform apply` deletes it",
            f"Run `terraform untaint` for {address}",
        )
    return None


def _located(repository: ListedRepository, arn: str) -> ListedRepository:
    """Return a repository with what its ARN says."""
    if not arn:
        return repository
    match = _ARN.fullmatch(arn)
    if not match:
        return replace(
            repository,
            obstacle=Obstacle(
                f"its ARN {quote(arn)} is not that of a private repository",
                "The function creates private repositories only",
            ),
        )
    located = replace(
        repository,
        region=repository.region or match["region"],
        account=repository.account or match["account"],
    )
    if (located.name, located.region, located.account) == (
        match["name"],
        match["region"],
        match["account"],
    ):
        return located
    return replace(
        located,
        obstacle=Obstacle(
            f"its ARN {quote(arn)} is that of another repository",
            "List the repositories again",
        ),
    )


def _resources(file: str, content: dict[str, Any]) -> Iterator[_Resource]:
    """Yield the resources of a Terraform state.

    Raises:
        InputFileError: It is not a state, or of an unknown version.
    """
    if "planned_values" in content or "resource_changes" in content:
        raise InputFileError(
            file,
            "this is a plan. Use the state: `terraform show -json` without a file",
        )
    if "encrypted_data" in content:
        raise InputFileError(
            file, "this state is encrypted. Use `tofu show -json` or `tofu state pull`"
        )
    if "format_version" in content:
        if str(content["format_version"]).partition(".")[0] not in ("0", "1"):
            raise InputFileError(
                file,
                f"got format_version {quote(content['format_version'])}; this version "
                "reads 1. Use a newer version of function-ecr-repos",
            )
        values = content.get("values")
        root = values.get("root_module") if isinstance(values, dict) else None
        yield from _of_module(file, root or {}, 0)
    elif "version" in content and isinstance(content.get("resources"), list):
        if content["version"] != _STATE_VERSION:
            raise InputFileError(
                file,
                f"got state version {quote(content['version'])}; this version reads "
                f"{_STATE_VERSION}. Use the output of `terraform show -json`",
            )
        for resource in content["resources"]:
            yield from _of_state(file, resource)
    else:
        raise _unknown(file)


def _of_module(file: str, module: object, depth: int) -> Iterator[_Resource]:
    """Yield the resources of a module in `terraform show -json`."""
    if not isinstance(module, dict) or depth > _MAX_DEPTH:
        raise _unknown(file)
    for resource in _objects(file, module, "resources"):
        if _is_ours(resource):
            values = resource.get("values")
            yield _Resource(
                _text(file, resource, "address"),
                str(resource["type"]),
                values if isinstance(values, dict) else {},
                resource.get("tainted") is True,
                "deposed_key" in resource,
            )
    for child in _objects(file, module, "child_modules"):
        yield from _of_module(file, child, depth + 1)


def _of_state(file: str, resource: object) -> Iterator[_Resource]:
    """Yield the instances of a resource in a state file."""
    if not isinstance(resource, dict):
        raise _unknown(file)
    if not _is_ours(resource):
        return
    kind = str(resource["type"])
    path = [_text(file, resource, "module", default="")]
    path += [kind, _text(file, resource, "name")]
    address = ".".join(filter(None, path))
    for instance in _objects(file, resource, "instances"):
        index = instance.get("index_key")
        attributes = instance.get("attributes")
        yield _Resource(
            address if index is None else f"{address}[{json.dumps(index)}]",
            kind,
            attributes if isinstance(attributes, dict) else {},
            instance.get("status") == "tainted",
            "deposed" in instance,
        )


def _is_ours(resource: dict[str, Any]) -> bool:
    """Whether Terraform manages a resource, and it is one of ECR's."""
    return resource.get("mode") == "managed" and resource.get("type") in (
        _REPOSITORY,
        *_POLICIES,
    )


def _objects(file: str, parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of objects; an absent one is empty."""
    found = parent.get(key) or []
    if not isinstance(found, list) or not all(isinstance(f, dict) for f in found):
        raise _unknown(file)
    return found


def _text(
    file: str,
    parent: dict[str, Any],
    key: str,
    address: str = "",
    default: str | None = None,
) -> str:
    """Return a string; the default if it is absent or null."""
    value = parent.get(key)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and (value or default is not None):
        return value
    where = f"{printable(address)}: " if address else ""
    got = "nothing" if value is None else quote(value)
    raise InputFileError(
        file,
        f"{where}{key}: got {got}; it must be a string that is not empty. Use {_KNOWN}",
    )


def _unknown(file: str) -> InputFileError:
    return InputFileError(file, f"unknown format. Use {_KNOWN}")
