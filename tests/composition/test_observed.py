"""What is read of a request."""

from typing import Any

import pytest
from crossplane.function import resource

from function.composition.observed import composite_identity
from function.ecr.ownership import owned_by_another, owned_by_predecessor
from function.providers.crossplane_runtime import resource_owner


def claimed(uid: str = "ours") -> dict[str, Any]:
    return {
        "metadata": {"name": "shop-x7k2p", "uid": uid},
        "spec": {"claimRef": {"namespace": "default", "name": "shop"}},
    }


LEFT = {
    "crossplane.io/claim-namespace": "default",
    "crossplane.io/claim-name": "shop",
    "crossplane.io/composite": "shop-before",
}
NAMESPACED = {"metadata": {"name": "shop", "namespace": "default", "uid": "ours"}}


@pytest.mark.parametrize(
    ("xr", "metadata", "want", "reason"),
    [
        (claimed(), {"ownerReferences": [{"controller": True, "uid": "ours"}]}, 0, ""),
        (claimed(), {"ownerReferences": [{"controller": True, "uid": "x"}]}, 1, ""),
        (
            claimed(),
            {
                "labels": LEFT,
                "ownerReferences": [{"controller": True, "uid": "x"}],
            },
            1,
            "a claim created again while the old one is deleted",
        ),
        (claimed(), {"labels": LEFT}, 0, "left by the same claim"),
        (
            claimed(),
            {"labels": {**LEFT, "crossplane.io/claim-namespace": "other"}},
            1,
            "left by another",
        ),
        (claimed(), {}, 1, "made by hand"),
        (
            NAMESPACED,
            {"namespace": "default", "labels": {"crossplane.io/composite": "shop"}},
            0,
            "left by the XR of that name",
        ),
        (
            NAMESPACED,
            {"namespace": "other", "labels": {"crossplane.io/composite": "shop"}},
            1,
            "the same name in another namespace",
        ),
    ],
)
def test_competitors(
    xr: dict[str, Any], metadata: dict[str, Any], want: int, reason: str
) -> None:
    managed = resource.dict_to_struct({"metadata": metadata})
    identity = composite_identity(resource.dict_to_struct(xr))
    assert owned_by_another(resource_owner(managed), identity) == bool(want), reason


THEIRS = [{"controller": True, "uid": "before"}]
OF_XR = {"crossplane.io/composite": "shop"}


@pytest.mark.parametrize(
    ("xr", "metadata", "want", "reason"),
    [
        (claimed(), {"labels": LEFT, "ownerReferences": THEIRS}, 1, "the same claim"),
        (claimed("before"), {"labels": LEFT, "ownerReferences": THEIRS}, 0, "ours"),
        (claimed(), {"labels": LEFT}, 0, "left by the same claim: it is ours"),
        (
            claimed(),
            {
                "labels": {**LEFT, "crossplane.io/claim-name": "other"},
                "ownerReferences": THEIRS,
            },
            0,
            "another claim",
        ),
        (claimed(), {"ownerReferences": THEIRS}, 0, "no labels"),
        (
            NAMESPACED,
            {"namespace": "default", "labels": OF_XR, "ownerReferences": THEIRS},
            1,
            "the XR of that name",
        ),
        (
            NAMESPACED,
            {"namespace": "other", "labels": OF_XR, "ownerReferences": THEIRS},
            0,
            "the same name in another namespace",
        ),
        (
            {**NAMESPACED, "spec": claimed()["spec"]},
            {"namespace": "default", "labels": LEFT, "ownerReferences": THEIRS},
            0,
            "a namespaced XR has no claim, whatever it says",
        ),
    ],
)
def test_predecessors(
    xr: dict[str, Any], metadata: dict[str, Any], want: int, reason: str
) -> None:
    managed = resource.dict_to_struct({"metadata": metadata})
    identity = composite_identity(resource.dict_to_struct(xr))
    found = owned_by_predecessor(resource_owner(managed), identity)
    assert found == bool(want), reason
