"""Amazon ECR's naming rules. Pure: plain values in, typed values out."""

import functools
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from function.errors import InvalidParameterError, quote

RepositoryName = NewType("RepositoryName", str)

# Shape RepositoryName of the ECR API model ecr/2015-09-21.
PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
SHORTEST, LONGEST = 2, 256
# The same language, written so that a regex engine cannot backtrack: `_|__` is `__?`,
# and the first character of each separator tells it from its neighbours.
_NAME = re.compile(
    r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
)

# Private registry endpoints: the ECR user guide, "Private registry" and "Dual-stack
# endpoints"; FIPS ones from "Amazon ECR endpoints and quotas"; China's domains from
# the AWS China endpoint page.
_HOST = re.compile(
    r"[0-9]{12}\."
    r"(?:dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"|dkr-ecr(?:-fips)?\.(?P<dual>[a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))"
)
_HOST_LIKE = re.compile(
    r"dkr[.-]ecr|\.amazonaws\.com(\.cn)?$|\.on\.aws$", re.IGNORECASE
)

# RFC 1123: what Kubernetes accepts as a label, and as the name of a namespace.
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

PREFIX_FIELD = "spec.parameters.repoPrefix"
WORKLOAD_FIELD = "spec.parameters.workloadName"


class RegistryHost(StrEnum):
    """What to do with a registry host that a prefix starts with."""

    STRIP = "Strip"
    KEEP = "Keep"


@dataclass(frozen=True, slots=True)
class Prefix:
    """A repository prefix, ready to join.

    Attributes:
        path: Without surrounding slashes, and without the host if it was stripped.
        host_like: The first segment if it looks like a registry host but is not one;
            otherwise empty. It stays in the path, and the claim gets a warning.
    """

    path: str
    host_like: str = ""


def parse_repository_name(text: str, *, field: str = "name") -> RepositoryName:
    """Parse a repository name by the rules of the current ECR API model.

    Raises:
        InvalidParameterError: It breaks ECR's length limits or its pattern.
    """
    if not SHORTEST <= len(text) <= LONGEST:
        raise InvalidParameterError(
            field,
            f"the repository name {quote(text)} with {len(text)} characters",
            f"ECR repository names have {SHORTEST} to {LONGEST} characters",
            "Use a shorter repoPrefix, workloadName or namespace"
            if len(text) > LONGEST
            else "Use a longer name",
        )
    if not _NAME.fullmatch(text):
        raise _pattern_error(field, f"the repository name {quote(text)}")
    return RepositoryName(text)


def _pattern_error(field: str, value: str) -> InvalidParameterError:
    return InvalidParameterError(
        field,
        value,
        "ECR repository names contain lowercase letters and digits, with '.', '_', "
        "'__' or '-' only between them, and '/' between parts",
        "Replace capital letters, spaces, colons, and repeated dots or slashes",
    )


@functools.lru_cache(maxsize=1024)  # claims share few prefixes
def parse_prefix(text: str, region: str, host: RegistryHost) -> Prefix:
    """Parse `repoPrefix`: remove surrounding slashes and, under Strip, a registry host.

    Raises:
        InvalidParameterError: The host is in another region, or nothing is left.
    """
    path = text.strip("/")
    first, _, rest = path.partition("/")
    match = _HOST.fullmatch(first)
    host_like = ""
    if match and host is RegistryHost.STRIP:
        named = match["region"] or match["dual"]
        if named != region:
            raise InvalidParameterError(
                PREFIX_FIELD,
                quote(text),
                f"its registry host is in region {quote(named)}, but "
                f"spec.parameters.region is {quote(region)}",
                "Use the same region in both, or remove the host from repoPrefix",
            )
        path = rest.strip("/")
    elif not match and _HOST_LIKE.search(first):
        host_like = first
    if not path:
        raise InvalidParameterError(
            PREFIX_FIELD,
            quote(text),
            "it must contain more than slashes and a registry host",
            "Use a path such as tap/workloads",
        )
    return Prefix(path, host_like)


def registry_host_region(prefix: str) -> str:
    """Return the region of the registry host that a prefix starts with, or nothing."""
    match = _HOST.fullmatch(prefix.strip("/").partition("/")[0])
    return (match["region"] or match["dual"]) if match else ""


def check_name_parts(prefix: Prefix, workload: str) -> None:
    """Refuse a prefix or a workload's name that no repository name can contain.

    Args:
        prefix: The prefix.
        workload: The workload's name.

    Raises:
        InvalidParameterError: One of them breaks ECR's rules.
    """
    if "/" in workload:
        raise InvalidParameterError(
            WORKLOAD_FIELD,
            quote(workload),
            "it must not contain a slash",
            "Use the workload's Kubernetes name, and write the path in repoPrefix",
        )
    if not _NAME.fullmatch(prefix.path):
        raise _pattern_error(PREFIX_FIELD, quote(prefix.path))
    # A namespace begins with a letter or a digit, like this one.
    if not _NAME.fullmatch(f"{workload}-0"):
        raise _pattern_error(WORKLOAD_FIELD, quote(workload))


def parameter_to_shorten(prefix: Prefix) -> str:
    """Return the field that a name which is too long is most likely about."""
    if len(prefix.path) > LONGEST // 2:
        return f"{PREFIX_FIELD}, {WORKLOAD_FIELD}"
    return WORKLOAD_FIELD
