"""What a request says: all that its answer depends on, read once, as plain values.

Two requests that differ in what is not here (managed fields, resource versions, what
earlier steps want) have the same answer.
"""

import functools
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.api.input import Input, parse_input
from function.api.parameters import RawParameters, read_parameters
from function.composition.competitors import LOCK, Search, search
from function.composition.request import Request, parse_struct, parse_xr
from function.ecr.ownership import controller_uid, is_rival, may_be_taken_over
from function.ecr.policies import Attached, Kind
from function.ecr.repository import Facts
from function.errors import BrokenRequestError
from function.limits import LARGEST_OVERRIDES_REMEMBERED, LARGEST_REMEMBERED
from function.providers.base import Provider
from function.providers.registry import DEFAULT, PROVIDERS
from function.structs import struct, text, texts

# Existing installations have these names. They never change: Crossplane deletes an
# observed resource whose name is missing from the desired state.
IMAGE, BUNDLE = "imagerepo", "bundlerepo"

T = TypeVar("T")
_BY_GROUP = {version.partition("/")[0]: p for version, p in PROVIDERS.items()}


class Live(NamedTuple):
    """A resource that may be live, and whose API it is of.

    A live one keeps that: of another's, Crossplane would make a second resource under
    the same name, and lose sight of the first.

    Attributes:
        provider: Of its API.
        facts: What the provider says of it; None where it is not live.
        controlled: Whether a composite controls it.
    """

    provider: Provider
    facts: Facts | None
    controlled: bool = True


class Seen(NamedTuple):
    """What a request says.

    Attributes:
        settings: What the Input says.
        asked: What the XR asks for.
        live: The repositories' managed resources that are there, by their names.
        policies: The policies' ones, by theirs.
        rivals: What Crossplane says of others that ask for a repository, by its
            resource's name; nothing where it was not asked.
        search: Where those are looked for, by its resource's name.
        usual: Whether what was read is of a usual size, and its answer may be
            remembered.
    """

    settings: Input
    asked: RawParameters
    live: tuple[tuple[str, Live], ...]
    policies: tuple[tuple[str, Attached], ...]
    rivals: tuple[tuple[str, tuple[Facts, ...]], ...]
    search: tuple[tuple[str, Search], ...]
    usual: bool


class Observed(NamedTuple):
    """What a request says of what is there, whatever its XR asks for.

    Attributes:
        settings: As in Seen, like the last four.
        uid: The XR's UID.
        namespace: Its namespace; empty where it is in none.
    """

    settings: Input
    uid: str
    namespace: str
    live: tuple[tuple[str, Live], ...]
    policies: tuple[tuple[str, Attached], ...]
    rivals: tuple[tuple[str, tuple[Facts, ...]], ...]
    search: tuple[tuple[str, Search], ...]


def read(req: Request) -> Seen:
    """Read a request.

    Raises:
        InvalidInputError: Its Input is broken.
        InvalidParameterError: Its XR is.
        BrokenRequestError: It is none of Crossplane's.
    """
    settings = parse_input(req.input)
    asked = _said(_asked, req.observed.composite.resource)
    return Seen(
        settings,
        asked,
        *_observe(req, settings, asked.xr_uid),
        usual=_is_usual(req, asked),
    )


def observe(req: Request) -> Observed:
    """Read what is there, of a request whose XR cannot be met.

    Raises:
        InvalidInputError: Its Input is broken.
        BrokenRequestError: It is none of Crossplane's.
    """
    settings = parse_input(req.input)
    metadata = struct(parse_xr(req.observed.composite.resource)[0], "metadata")
    uid, namespace = texts(metadata, "uid", "namespace")
    return Observed(settings, uid, namespace, *_observe(req, settings, uid))


class _Rest(NamedTuple):
    """What both have."""

    live: tuple[tuple[str, Live], ...]
    policies: tuple[tuple[str, Attached], ...]
    rivals: tuple[tuple[str, tuple[Facts, ...]], ...]
    search: tuple[tuple[str, Search], ...]


def _observe(req: Request, settings: Input, uid: str) -> _Rest:
    resources = req.observed.resources
    live = tuple(
        (key, _said(_live, observed.resource, uid))
        for key in (IMAGE, BUNDLE)
        if (observed := resources.get(key)) is not None
    )
    _refuse_what_others_left(req, live)
    providers = dict.fromkeys((IMAGE, BUNDLE), PROVIDERS[settings.provider])
    providers.update((key, each.provider) for key, each in live)
    return _Rest(
        live,
        tuple(
            (name, _said(_attached, observed.resource, provider, kind))
            for key, provider in providers.items()
            for kind in Kind
            if (observed := resources.get(name := policy_name(key, kind))) is not None
        )
        if len(resources) > len(live)
        else (),
        tuple((key, _rivals(req, key, provider)) for key, provider in providers.items())
        if req.required_resources or req.extra_resources
        else (),
        tuple(
            (key, search(req, provider.api_version, requirement(key)))
            for key, provider in providers.items()
        ),
    )


def _is_usual(req: Request, asked: RawParameters) -> bool:
    """Whether what a request says is small enough to be remembered."""
    sizes = [len(r.resource) for r in req.observed.resources.values()]
    # Crossplane's Lock, required beside them, is as large as there are packages.
    competitors = sum(
        found.ByteSize()
        for by_name in (req.required_resources, req.extra_resources)
        for name, found in by_name.items()
        if name != LOCK
    )
    return (
        asked.overrides_size <= LARGEST_OVERRIDES_REMEMBERED
        and max(len(req.observed.composite.resource), competitors, *sizes)
        <= LARGEST_REMEMBERED
    )


def _refuse_what_others_left(req: Request, live: tuple[tuple[str, Live], ...]) -> None:
    """Refuse to take over what another claim's composite left behind.

    Crossplane shows an XR each resource that it refers to and that nobody controls, so
    also that of the owner it lost to, once that owner is deleted with its resources
    orphaned. Applied, it would be ours, with a record of creation that is not; left
    out, Crossplane up to v2.3 would delete it (composition_functions.go,
    GarbageCollectComposedResources).

    Raises:
        BrokenRequestError: There is one.
    """
    for key, each in live:
        if each.controlled:
            continue
        managed = parse_struct(req.observed.resources[key].resource)
        labels = struct(struct(managed, "metadata"), "labels")
        xr, _ = parse_xr(req.observed.composite.resource)
        claimed = bool(struct(struct(xr, "spec"), "claimRef").fields)
        of = text(labels, f"crossplane.io/{'claim-name' if claimed else 'composite'}")
        # A file of observed resources may not say whose they are.
        if not may_be_taken_over(says_whose=bool(of), others=is_rival(managed, xr)):
            raise BrokenRequestError(
                f"the composed resource {key}",
                "one that another claim left behind",
                "what another claim created is never taken over",
                "Delete that managed resource, once its deletion policy is Orphan",
            )


def policy_name(key: str, kind: Kind) -> str:
    """Return the composed resource's name of a repository's policy."""
    return f"{key}-{kind}"


def requirement(key: str, api_version: str = "") -> str:
    """Return the name by which others that ask for a repository are required.

    Args:
        key: The repository's composed resource.
        api_version: The API that they are of; empty for that of the resource itself.
    """
    name = f"contenders-{key}"
    return f"{name}-{api_version.partition('/')[0]}" if api_version else name


# Crossplane asks about a hundred XRs at a time, about each some ten times while it
# comes to be, and then seldom: what the last few hundred say is remembered. But
# others write what stands there, and what they write must not fill the memory.


@functools.lru_cache(maxsize=256)
def _asked(manifest: bytes) -> RawParameters:
    xr, too_large = parse_xr(manifest)
    asked = read_parameters(xr)
    return asked._replace(overrides_size=too_large) if too_large else asked


@functools.lru_cache(maxsize=512)
def _live(manifest: bytes, composite_uid: str) -> Live:
    observed = parse_struct(manifest)
    group = text(observed, "apiVersion").partition("/")[0]
    provider = _BY_GROUP.get(group, DEFAULT)
    return Live(
        provider,
        provider.facts(observed, composite_uid),
        controlled=bool(controller_uid(observed)),
    )


@functools.lru_cache(maxsize=512)
def _attached(manifest: bytes, provider: Provider, kind: Kind) -> Attached:
    return provider.attached(kind, parse_struct(manifest))


def _said(by: Callable[..., T], manifest: bytes, *more: object) -> T:
    """Return what one of these reads; it remembers that of a usual manifest only."""
    if len(manifest) > LARGEST_REMEMBERED:
        by = by.__wrapped__  # type: ignore[attr-defined]  # functools'
    return by(manifest, *more)


def _rivals(req: Request, key: str, own: Provider) -> tuple[Facts, ...]:
    xr, _ = parse_xr(req.observed.composite.resource)
    return tuple(
        provider.facts(c.resource, controller_uid(c.resource) or None)
        for api, provider in PROVIDERS.items()
        for c in _required(req, requirement(key, "" if provider is own else api))
        if is_rival(c.resource, xr)
    )


def _required(req: Request, name: str) -> Iterable[fnv1.Resource]:
    found = (
        req.required_resources
        if name in req.required_resources
        else req.extra_resources
    ).get(name)
    return found.items if found is not None else ()
