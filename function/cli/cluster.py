"""Read objects from a cluster, through the kubeconfig. Nothing is written.

kr8s is an optional dependency, the extra `cluster`. It has types, and reads every
kubeconfig that kubectl reads: several files, plugins for credentials
(such as `aws eks get-token`) and client certificates.
"""

import asyncio
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from function.api.parameters import CLAIM_KIND, GROUP, XR_KIND
from function.api.platform_settings import KIND as SETTINGS_KIND
from function.api.platform_settings import NAME as SETTINGS_NAME
from function.cli.errors import InputFileError
from function.cli.manifests import Manifest
from function.errors import printable
from function.providers.registry import PROVIDERS

if TYPE_CHECKING:
    import kr8s.asyncio

# How many objects a response has at most.
_LIMIT = 500
# Of one request. A list of 500 objects takes less than a second.
_SECONDS = 60
_MISSING = (
    "reading a cluster needs the package kr8s. Install it with: pip install "
    "'function-ecr-repos[cluster]'. Or use files: kubectl get -o json … | "
    "function-ecr-repos impact … -f -"
)

Say = Callable[[str], None]


class _Kind(NamedTuple):
    """A kind to list.

    Attributes:
        group: Its API group.
        plural: How its path calls it.
        kind: The kind.
        version: Its version, unless the cluster serves only others.
    """

    group: str
    plural: str
    kind: str
    version: str

    def path(self, version: str) -> str:
        """Return the path of its group in a version."""
        return f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"


# What is created last comes first: then a claim is never read without its resources.
_KINDS = (
    *(
        _Kind(group, "repositories", "Repository", version)
        for group, _, version in (api.partition("/") for api in PROVIDERS)
    ),
    *(
        _Kind(GROUP, f"{kind.lower()}s", kind, "v1alpha1")
        for kind in (XR_KIND, CLAIM_KIND)
    ),
)
_SETTINGS = _Kind(
    "apiextensions.crossplane.io", "environmentconfigs", SETTINGS_KIND, "v1beta1"
)
_REVISIONS = _Kind(
    "apiextensions.crossplane.io", "compositionrevisions", "CompositionRevision", "v1"
)
_DEFINITIONS = _Kind("apiextensions.k8s.io", "customresourcedefinitions", "", "v1")
_NAMESPACES = _Kind("", "namespaces", "Namespace", "v1")


class Read(NamedTuple):
    """What was read.

    Attributes:
        objects: Claims, composites, managed resources, and what was asked for by name.
        namespace: The namespace of the context.
    """

    objects: list[Manifest]
    namespace: str


class Wanted(NamedTuple):
    """What to read besides claims, composites and managed resources.

    Attributes:
        definition: The name of a CustomResourceDefinition; empty for none.
        namespace: A namespace that must exist; empty for none.
        settings: Whether to read the platform settings, if they exist.
        revisions: Whether to read the CompositionRevisions.
    """

    definition: str = ""
    namespace: str = ""
    settings: bool = False
    revisions: bool = False


def read(kubeconfig: str | None, context: str | None, wanted: Wanted, say: Say) -> Read:
    """Return what a cluster has.

    Args:
        kubeconfig: The file; None for $KUBECONFIG, ~/.kube/config or the Pod's account.
        context: The context; None for the current one.
        wanted: What else to read.
        say: Called with a message about the progress.

    Raises:
        InputFileError: kr8s is not installed, the cluster does not answer, or the user
            may not read something.
    """
    try:
        import kr8s.asyncio  # noqa: PLC0415  # an optional dependency
    except ImportError as e:
        raise InputFileError("", _MISSING) from e
    # kr8s writes keys of the kubeconfig to temporary files, and leaves them.
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions of Kubernetes
        before, tempfile.tempdir = tempfile.tempdir, directory
        try:
            return asyncio.run(_read(kubeconfig, context, wanted, say))
        except _RefusedError as e:
            raise InputFileError("", str(e)) from e
        except (kr8s.ServerError, kr8s.APITimeoutError) as e:
            raise _no_answer(e) from e
        except (ValueError, KeyError, RuntimeError, OSError) as e:
            raise _no_answer(e) from e
        except Exception as e:
            if type(e).__module__.partition(".")[0] in ("httpx", "httpcore"):
                raise _no_answer(e) from e
            raise
        finally:
            tempfile.tempdir = before


class _RefusedError(Exception):
    """The cluster refuses a request; the text is for the user."""


def _no_answer(error: Exception) -> InputFileError:
    text = " ".join(str(error).split()) or type(error).__name__
    return InputFileError(
        "",
        f"cannot read the cluster: {printable(text)}. Check --kubeconfig and "
        "--context with kubectl cluster-info, or use files (-f)",
    )


async def _read(
    kubeconfig: str | None, context: str | None, wanted: Wanted, say: Say
) -> Read:
    import kr8s.asyncio  # noqa: PLC0415

    api = await kr8s.asyncio.api(kubeconfig=kubeconfig, context=context)
    api.timeout = _SECONDS
    objects: list[Manifest] = []
    if wanted.namespace and not await _get(api, _NAMESPACES, wanted.namespace):
        raise _RefusedError(f"there is no namespace {printable(wanted.namespace)}")
    if wanted.definition:
        objects += await _get(api, _DEFINITIONS, wanted.definition)
    if wanted.settings:
        objects += await _get(api, _SETTINGS, SETTINGS_NAME)
    for kind in (*_KINDS, *([_REVISIONS] if wanted.revisions else [])):
        name = f"{kind.plural}.{kind.group}"
        say(f"Reading {name}")
        before = len(objects)
        async for item in _list(api, kind):
            objects.append(item)
            if (count := len(objects) - before) % _LIMIT == 0:
                say(f"Reading {name}: {count}")
    return Read(objects, _namespace(api, context))


def _namespace(api: "kr8s.asyncio.Api", context: str | None) -> str:
    kubeconfig = getattr(api.auth, "kubeconfig", None)
    if kubeconfig is None:
        return api.auth.namespace
    chosen = kubeconfig.get_context(context or api.auth.active_context)
    return str(chosen.get("namespace") or "default")


async def _list(api: "kr8s.asyncio.Api", kind: _Kind) -> AsyncIterator[Manifest]:
    """Yield the objects of a kind in all namespaces; none if it is not served."""
    version = await _served_version(api, kind)
    token = ""
    while version:
        query = {"limit": str(_LIMIT)} | ({"continue": token} if token else {})
        page = await _request(api, kind.path(version), kind.plural, query)
        if page is None:
            return
        for item in page.get("items") or ():
            yield {"apiVersion": f"{kind.group}/{version}", "kind": kind.kind} | item
        token = (page.get("metadata") or {}).get("continue") or ""
        if not token:
            return


async def _served_version(api: "kr8s.asyncio.Api", kind: _Kind) -> str:
    """Return the version to read; empty if the group is not served."""
    group = await _request(api, "/apis", kind.group, {})
    versions = [v["version"] for v in (group or {}).get("versions", ())]
    if kind.version in versions:
        return kind.version
    return str(versions[0]) if versions else ""


async def _get(api: "kr8s.asyncio.Api", kind: _Kind, name: str) -> list[Manifest]:
    """Return an object, as a list; an empty one if there is none."""
    path = f"{kind.plural}/{quote(name, safe='')}"
    found = await _request(api, kind.path(kind.version), path, {})
    return [found] if found else []


async def _request(
    api: "kr8s.asyncio.Api", base: str, path: str, query: dict[str, str]
) -> dict[str, Any] | None:
    """Return what the API server answers; None if it does not know the path."""
    async with api.call_api(
        "GET", version="", base=base, url=path, params=query, raise_for_status=False
    ) as response:
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if response.is_error:
            raise _RefusedError(_refusal(response.status_code, response.text, path))
        document: dict[str, Any] = response.json()
        return document


def _refusal(status: int, text: str, path: str) -> str:
    """Return what a refused request means."""
    about = printable(" ".join(text.split()), 200)
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED):
        return (
            f"the API server does not let you read {path}: {about}. Grant the "
            "ClusterRole in docs/impact.md, or use files (-f)"
        )
    if status == HTTPStatus.GONE:
        return f"the list of {path} expired while it was read. Run the command again"
    return f"the API server cannot list {path}: status {status}, {about}"
