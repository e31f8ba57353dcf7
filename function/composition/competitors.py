"""In which other providers' APIs a repository may have an owner: those that are served.

A claim that was made under another `provider` keeps it, and what it owns is found in
that API alone. But Crossplane fails a reconcile that requires a kind that is not served
(v1.20.13, v2.3.4 and v2.4.2: the cached client's List has no match for it), or that it
may not list, for which it waits. So what is served is asked before:

- Its OpenAPI schema, where Crossplane knows required schemas (v2.3 does): an empty one
  is of a kind that is not served. A CustomResourceDefinition would say the same, but to
  read one Crossplane keeps all of them in memory.
- Crossplane's Lock, which it makes at its start in every version and in which each
  installed package is. What is installed it may list; a kind whose provider is gone
  may be served still.

Without a Lock it is no cluster that answers, but a test, or a file of resources.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.composition.request import Request
from function.providers.registry import PROVIDERS
from function.structs import items, struct, texts

LOCK = "package-lock"
_LOCK = fnv1.ResourceSelector(
    api_version="pkg.crossplane.io/v1beta1", kind="Lock", match_name="lock"
)
_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.")


class Search(NamedTuple):
    """Where others that ask for a repository are looked for.

    Attributes:
        others: The APIs that are served, beside that of the repository's resource.
        schemas: Whether Crossplane knows required schemas.
        older: Whether it may know required resources by their older name alone.
    """

    others: tuple[str, ...] = ()
    schemas: bool = False
    older: bool = True


class _Package(NamedTuple):
    organization: str
    name: str
    version: tuple[int, int]


def search(req: Request, own: str, first: str) -> Search:
    """Say where to look, by what was answered so far.

    Args:
        req: The request.
        own: The API of the repository's own resource.
        first: The name of the requirement that goes with the first of these questions.
    """
    schemas = fnv1.CAPABILITY_REQUIRED_SCHEMAS in req.meta.capabilities
    older = fnv1.CAPABILITY_CAPABILITIES not in req.meta.capabilities
    others = [api for api in PROVIDERS if api != own]
    lock = _answered(req, LOCK)
    # Not said is not there, where it was asked for.
    asked = lock is not None or (not schemas and _answered(req, first) is not None)
    packages = [*_packages(lock or [])]
    if not asked:
        others = []
    elif not lock:
        served = [api for api in others if _has_schema(req, api)]
        others = served if _has_schema(req, own) else others
    elif not schemas:
        others = [api for api in others if _serves(packages, api)]
    else:
        known = _is_installed(packages, own)
        others = [
            api
            for api in others
            if _has_schema(req, api) and (not known or _is_installed(packages, api))
        ]
    return Search(tuple(others), schemas, older)


def require(requirements: fnv1.Requirements, searched: Search) -> None:
    """Require what says which APIs are served."""
    requirements.resources[LOCK].CopyFrom(_LOCK)
    if searched.older:
        requirements.extra_resources[LOCK].CopyFrom(_LOCK)
    if searched.schemas:
        for api, provider in PROVIDERS.items():
            selector = fnv1.SchemaSelector(api_version=api, kind=provider.kind)
            requirements.schemas[api].CopyFrom(selector)


def _answered(req: Request, name: str) -> list[structpb.Struct] | None:
    for found in (req.required_resources, req.extra_resources):
        if name in found:
            return [item.resource for item in found[name].items]
    return None


def _has_schema(req: Request, api: str) -> bool:
    schema = req.required_schemas.get(api)
    return schema is not None and bool(schema.openapi_v3.fields)


def _packages(lock: Iterable[structpb.Struct]) -> Iterable[_Package]:
    for each in lock:
        for package in (
            *items(each, "packages"),
            *items(struct(each, "spec"), "packages"),
        ):
            source, version = texts(package, "source", "version")
            *_, organization, name = ["", *source.split("/")][-2:]
            found = _VERSION.match(version)
            yield _Package(
                organization,
                name,
                (int(found[1]), int(found[2])) if found else (0, 0),
            )


def _is_installed(packages: Iterable[_Package], api: str) -> bool:
    """Whether a provider of an API seems to be installed, by its package's name."""
    names = {"provider-aws"}
    if "upbound" in api:
        names.add("provider-aws-ecr")
    return any(package.name in names for package in packages)


def _serves(packages: Iterable[_Package], api: str) -> bool:
    """Whether a package that is installed serves an API for certain.

    provider-aws of crossplane-contrib has had its Repository in v1beta1 for long;
    Upbound's family has v1beta2 since v1.10 at the latest, and the namespaced API
    since v2.0. Crossplane from v2.0 on may have kinds of it that are not activated, and
    so not served; v2.3 says so in its schemas.
    """
    if api.startswith("ecr.aws.crossplane.io/"):
        return any(
            package.name == "provider-aws"
            and package.organization in ("crossplane-contrib", "crossplane")
            and package.version >= (0, 30)
            for package in packages
        )
    since = (2, 0) if ".m." in api else (1, 10)
    return any(
        package.name == "provider-aws-ecr" and package.version >= since
        for package in packages
    )
