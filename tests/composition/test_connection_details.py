"""Connection details of a namespaced composite."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import CLASSIC, NAMESPACED, live, run


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_connection_details_of_a_namespaced_xr(kind: str) -> None:
    given: dict[str, Any] = {"connection": {"kind": kind}}
    assert "connection" not in run(NAMESPACED, **given).desired.resources
    rsp = run(NAMESPACED, live(NAMESPACED), **given)
    made = resource.struct_to_dict(rsp.desired.resources["connection"].resource)
    encoded = kind == "Secret"
    assert made == {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "shop-repositories"},
        **({"type": "connection.crossplane.io/v1alpha1"} if encoded else {}),
        "data": {
            "imageRepositoryUri": "aG9zdC90YXAvc2hvcC1kZWZhdWx0"
            if encoded
            else "host/tap/shop-default",
            "region": "ZXUtd2VzdC0y" if encoded else "eu-west-2",
        },
    }
    assert rsp.desired.resources["connection"].ready == fnv1.READY_TRUE
    refused = run(CLASSIC, **given).results[-1]
    assert "input.connection" in refused.message
