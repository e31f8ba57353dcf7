"""Connection details: of a claimed XR, and as an object of a namespaced XR.

Crossplane v2 has no connection details for namespaced XRs, so an object holds them.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.composition.own_fields import some_fields
from function.ecr.name_template import IMAGE_KEY
from function.providers.base import Manifest
from function.structs import struct

# Crossplane v1's type of connection secrets, so that people find it where they look.
_SECRET_TYPE = "connection.crossplane.io/v1alpha1"  # noqa: S105  # a type, no secret
# The names of our details: other steps of the pipeline have their own.
_OWN_DETAIL = re.compile(r"[a-z0-9-]+RepositoryUri|region")


def connection_details(region: str, uris: Mapping[str, str]) -> dict[str, bytes]:
    """Return a composite's connection details, as far as they are known.

    Args:
        region: The AWS region of the registry.
        uris: The repositories' URIs, by key; empty for unknown.
    """
    details = {f"{key}RepositoryUri": uri for key, uri in uris.items()}
    if uris.get(IMAGE_KEY):
        details["region"] = region
    return {key: value.encode() for key, value in details.items() if value}


def missing_details(
    observed: Mapping[str, bytes], desired: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yield our details that are in a composite's connection secret, but not desired.

    They are of repositories whose URI is not known any more, and have to be desired
    again. Crossplane never removes a key from a connection secret (v2.4.2,
    PublishConnection). As long as one is not desired, each reconcile writes the secret
    and a `lastPublishedTime` in seconds. On a busy machine, where a reconcile takes
    longer than that, each of them causes the next one.

    Args:
        observed: The data of the composite's connection secret.
        desired: The composite's desired connection details.
    """
    for key in observed:
        if key not in desired and _OWN_DETAIL.fullmatch(key):
            yield key, observed[key]


def connection_object(
    kind: str, xr_name: str, details: dict[str, bytes]
) -> dict[str, Any]:
    """Return a namespaced XR's ConfigMap or Secret; Crossplane sets its namespace.

    Args:
        kind: ConfigMap or Secret.
        xr_name: The XR's name, which gives the object its name.
        details: The connection details.
    """
    head = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": f"{xr_name}-repositories"},
    }
    if kind == "Secret":
        data = {k: base64.b64encode(v).decode() for k, v in details.items()}
        return {**head, "type": _SECRET_TYPE, "data": data}
    return {**head, "data": {k: v.decode() for k, v in details.items()}}


def unchanged_connection_object(observed: structpb.Struct) -> Manifest:
    """Return our fields of a live object of connection details."""
    return {
        **some_fields(observed, "apiVersion", "kind", "type", "data"),
        "metadata": some_fields(struct(observed, "metadata"), "name"),
    }
