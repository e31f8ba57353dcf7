"""Our fields of a live managed resource."""

import pytest
from crossplane.function import resource

from function.composition.own_fields import keep_options, own_fields
from tests.builders import APIS, CLASSIC, OPTIONS, desired, live, run

ALL_OPTIONS = OPTIONS["all that every provider has"]


@pytest.mark.parametrize("provider", APIS)
def test_own_fields_are_what_was_composed(provider: str) -> None:
    managed = live(provider)
    managed["spec"]["forProvider"]["notOurs"] = "late-initialized"
    managed["metadata"]["annotations"]["notOurs"] = "somebody's"
    own = own_fields(
        resource.dict_to_struct(managed), management_policies=provider != CLASSIC
    )
    composed = desired(run(provider))["imagerepo"]
    assert own["spec"] == composed["spec"]
    assert own["metadata"]["name"] == composed["metadata"]["name"]
    assert "notOurs" not in own["metadata"]["annotations"]


@pytest.mark.parametrize("provider", APIS)
def test_options_are_kept_but_for_the_right_to_delete_images(provider: str) -> None:
    managed = live(provider)
    options = ALL_OPTIONS | {"forceDelete": True}
    given = desired(run(provider, managed, repository=options))["imagerepo"]["spec"]
    managed["spec"]["forProvider"] = dict(given["forProvider"])
    assert given["forProvider"]["forceDelete"] is True
    manifest = desired(run(provider, managed, repository={"forceDelete": False}))
    keep_options(manifest["imagerepo"], resource.dict_to_struct(managed))
    assert manifest["imagerepo"]["spec"]["forProvider"] == given["forProvider"] | {
        "forceDelete": False
    }
