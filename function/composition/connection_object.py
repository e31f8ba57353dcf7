"""Connection details as an object: what Crossplane v2 has no field for."""

import base64
from typing import Any

# Crossplane v1's, so that whoever looks for one finds it.
_SECRET_TYPE = "connection.crossplane.io/v1alpha1"  # noqa: S105  # a type


def manifest(kind: str, xr_name: str, details: dict[str, bytes]) -> dict[str, Any]:
    """Return the ConfigMap or Secret of a namespaced XR; Crossplane sets its namespace.

    Args:
        kind: ConfigMap or Secret.
        xr_name: The XR's name, which the object's follows from.
        details: What it holds.
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
