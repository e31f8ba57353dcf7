"""`render`: what Crossplane would apply, from the function itself over gRPC."""

import asyncio
import copy
import hashlib
from typing import Any

import grpc
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import json_format

from function import fn
from function.api.parameters import CLAIM_KIND, GROUP, XR_KIND
from function.cli.documents import Manifest, UnusableError

_NAME_ANNOTATION = "crossplane.io/composition-resource-name"


def composite_of(
    document: Manifest,
    name: str,
    namespace: str | None,
    *,
    namespaced: bool = False,
) -> Manifest:
    """Return the XR of a claim or an XR.

    A claim's XR gets the claim's name, without the random suffix that Crossplane adds,
    so that the output is the same each time.

    Args:
        document: The claim or XR.
        name: The file that it is from.
        namespace: The claim's namespace, where the document has none.
        namespaced: Whether the claim's kind is the XR's own, as on Crossplane v2.

    Raises:
        UnusableError: It is neither.
    """
    kind, api_version = document["kind"], document.get("apiVersion")
    group = str(api_version).partition("/")[0]
    if group != GROUP or kind not in (XR_KIND, CLAIM_KIND):
        raise UnusableError(
            f"{name}: {api_version} {kind} is neither a {CLAIM_KIND} nor a {XR_KIND} "
            f"of {GROUP}"
        )
    xr = copy.deepcopy(document)
    metadata, spec = xr.setdefault("metadata", {}), xr.setdefault("spec", {})
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise UnusableError(f"{name}: metadata and spec must be objects")
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise UnusableError(f"{name}: metadata.name must be a string")
    if not isinstance(metadata.setdefault("labels", {}), dict):
        raise UnusableError(f"{name}: metadata.labels must be an object")
    if kind == XR_KIND:
        if namespace and isinstance(spec.setdefault("claimRef", {}), dict):
            spec["claimRef"].setdefault("namespace", namespace)
        return xr
    claim_namespace = namespace or metadata.pop("namespace", None) or "default"
    if namespaced:
        metadata["namespace"] = claim_namespace
        return xr
    metadata.pop("namespace", None)
    labels = {
        "crossplane.io/claim-name": metadata["name"],
        "crossplane.io/claim-namespace": claim_namespace,
    }
    xr["kind"] = XR_KIND
    metadata["labels"] |= labels
    spec["claimRef"] = {
        "apiVersion": api_version,
        "kind": CLAIM_KIND,
        "name": metadata["name"],
        "namespace": claim_namespace,
    }
    return xr


def input_of(composition: Manifest, name: str) -> Manifest:
    """Return the input of a Composition's step for this function; {} for none.

    Raises:
        UnusableError: It is no Composition, or has no step with this function.
    """
    if composition["kind"] != "Composition":
        raise UnusableError(f"{name}: a {composition['kind']}, not a Composition")
    try:
        steps = composition["spec"]["pipeline"]
        for step in steps:
            if step["functionRef"]["name"].endswith("function-ecr-repos"):
                found = step.get("input") or {}
                return found if isinstance(found, dict) else {"kind": found}
    except (KeyError, TypeError, AttributeError):
        pass
    raise UnusableError(
        f"{name}: no pipeline step whose function is function-ecr-repos"
    )


def is_namespaced(composition: Manifest) -> bool:
    """Whether a Composition is for Crossplane v2, whose XR has the claim's kind."""
    spec = composition.get("spec")
    of = spec.get("compositeTypeRef") if isinstance(spec, dict) else None
    return isinstance(of, dict) and of.get("kind") == CLAIM_KIND


def request(
    xr: Manifest, step_input: Manifest, observed: list[Manifest]
) -> fnv1.RunFunctionRequest:
    """Return what Crossplane would send for an XR.

    Raises:
        UnusableError: An observed resource names no composed resource, or a manifest
            holds what JSON cannot (a YAML date, say).
    """
    req: dict[str, Any] = {
        "meta": {"tag": hashlib.sha256(repr(xr).encode()).hexdigest()},
        "observed": {"composite": {"resource": xr}, "resources": {}},
        "input": step_input,
    }
    for o in observed:
        key = ((o.get("metadata") or {}).get("annotations") or {}).get(_NAME_ANNOTATION)
        if not isinstance(key, str):
            raise UnusableError(f"an observed {o['kind']} has no {_NAME_ANNOTATION}")
        req["observed"]["resources"][key] = {"resource": o}
    try:
        return json_format.ParseDict(req, fnv1.RunFunctionRequest())
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as e:
        raise UnusableError(
            f"not JSON once read: {' '.join(str(e).split())[:200]}"
        ) from e


def run(requests: list[fnv1.RunFunctionRequest]) -> list[fnv1.RunFunctionResponse]:
    """Answer requests by the function, over gRPC on a free local port."""

    async def call() -> list[fnv1.RunFunctionResponse]:
        server = grpc.aio.server()
        grpcv1.add_FunctionRunnerServiceServicer_to_server(  # type: ignore[no-untyped-call]
            fn.FunctionRunner(), server
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = grpcv1.FunctionRunnerServiceStub(channel)  # type: ignore[no-untyped-call]
                return [await stub.RunFunction(r) for r in requests]
        finally:
            # Without grace it cancels what the client has closed already, and the
            # client may yet log that.
            await server.stop(1)

    return asyncio.run(call())


def refusal(xr: Manifest, step_input: Manifest) -> tuple[str, str] | None:
    """Return why the function refuses an XR that has no resources yet, or None.

    Returns:
        The reason of its condition, and the message.

    Raises:
        UnusableError: See request.
    """
    asked = request(xr, step_input, [])
    rsp = asyncio.run(fn.FunctionRunner().RunFunction(asked, None))
    for result in rsp.results:
        if result.severity == fnv1.SEVERITY_FATAL:
            return (
                rsp.conditions[0].reason if rsp.conditions else "Bug",
                result.message,
            )
    return None


def manifests(xr: Manifest, rsp: fnv1.RunFunctionResponse) -> list[Manifest]:
    """Return what `crossplane render` prints: the XR, then its resources by name.

    Labels, annotations and the owner are those Crossplane adds.
    """
    name = xr["metadata"]["name"]
    waiting = sorted(
        key for key, r in rsp.desired.resources.items() if r.ready != fnv1.READY_TRUE
    )
    conditions: list[Manifest] = [
        {
            "lastTransitionTime": "2024-01-01T00:00:00Z",
            "reason": "Available",
            "status": "True",
            "type": "Ready",
        }
    ]
    if waiting:
        conditions[0].update(
            message=f"Unready resources: {', '.join(waiting)}",
            reason="Creating",
            status="False",
        )
    conditions.extend(
        {
            "lastTransitionTime": "2024-01-01T00:00:00Z",
            "message": c.message,
            "reason": c.reason,
            "status": "True" if c.status == fnv1.STATUS_CONDITION_TRUE else "False",
            "type": c.type,
        }
        for c in rsp.conditions
    )
    status = resource.struct_to_dict(rsp.desired.composite.resource).get("status", {})
    # A namespaced XR's resources are in its namespace.
    namespace = {k: v for k, v in xr["metadata"].items() if k == "namespace"}
    out = [
        {
            "apiVersion": xr["apiVersion"],
            "kind": xr["kind"],
            "metadata": {"name": name, **namespace},
            "status": {**status, "conditions": conditions},
        }
    ]
    labels = {"crossplane.io/composite": name}
    for label in ("crossplane.io/claim-name", "crossplane.io/claim-namespace"):
        if value := xr["metadata"]["labels"].get(label):
            labels[label] = value
    for key in sorted(rsp.desired.resources):
        composed = resource.struct_to_dict(rsp.desired.resources[key].resource)
        metadata = composed.setdefault("metadata", {})
        metadata.update(namespace)
        # A policy has no annotation of its own, and a ConfigMap no label.
        metadata.setdefault("annotations", {})[_NAME_ANNOTATION] = key
        metadata["generateName"] = f"{name}-"
        metadata.setdefault("labels", {}).update(labels)
        metadata["ownerReferences"] = [
            {
                "apiVersion": xr["apiVersion"],
                "blockOwnerDeletion": True,
                "controller": True,
                "kind": xr["kind"],
                "name": name,
                "uid": "",
            }
        ]
        out.append(composed)
    return out
