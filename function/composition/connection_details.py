"""Connection details: of a claimed XR, and as an object of a namespaced XR.

Crossplane v2 has no connection details for namespaced XRs, so an object holds them.
"""

import base64
from collections.abc import Mapping
from typing import Any

from function.ecr.name_template import IMAGE_KEY

# Crossplane v1's type of connection secrets, so that people find it where they look.
_SECRET_TYPE = "connection.crossplane.io/v1alpha1"  # noqa: S105  # a type, no secret


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
