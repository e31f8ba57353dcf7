"""What a live repository keeps when parameters or options change."""

import pytest

from tests.builders import (
    APIS,
    CLUSTER,
    NAMESPACED,
    RECIPE_NAME,
    RECIPE_PARAMETERS,
    call,
    desired,
    desired_image,
    live,
    recipe_both,
    recipe_repository,
    recipe_xr,
    request,
    run,
    sent_for_provider,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"repoPrefix": "other"},
        {"workloadName": "other"},
        {"region": "us-east-1"},
        {"providerName": "other"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_live_resource_never_moves_to_another_repository(
    changed: dict[str, str],
) -> None:
    rsp = call(
        request(recipe_xr({**RECIPE_PARAMETERS, **changed}), observed=recipe_both())
    )
    kept = {"policy": "Delete", "resource_name": "as-the-recipe-named-it"}
    assert desired(rsp) == {
        "imagerepo": recipe_repository(RECIPE_NAME, **kept),
        "bundlerepo": recipe_repository(f"{RECIPE_NAME}-bundle", **kept),
    }
    assert (
        "Kept, because existing repositories are never moved"
        in rsp.conditions[0].message
    )
    assert next(iter(changed.values())) in rsp.conditions[0].message


def test_a_live_resource_keeps_the_kind_of_its_provider_config() -> None:
    rsp = run(NAMESPACED, live(NAMESPACED), providerConfigKind="ProviderConfig")
    assert desired_image(rsp)["spec"]["providerConfigRef"] == APIS[NAMESPACED].config
    assert "providerName ClusterProviderConfig/aws" in rsp.conditions[0].message


ENCRYPTED = [{"encryptionType": "KMS", "kmsKey": "arn:aws:kms:x:1:key/a"}]


@pytest.mark.parametrize(
    ("asked", "said", "reason"),
    [
        ({"type": "AES256"}, True, "another type"),
        ({"type": "KMS", "kmsKey": "arn:aws:kms:x:1:key/b"}, True, "another key"),
        ({"type": "KMS", "kmsKey": "arn:aws:kms:x:1:key/a"}, False, "the same key"),
        ({"type": "KMS", "kmsKey": "arn:aws:kms:x:1:alias/a"}, False, "maybe the same"),
        ({"type": "KMS"}, False, "any key"),
    ],
)
@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_live_repository_keeps_its_encryption(
    provider: str, asked: dict[str, str], reason: str, *, said: bool
) -> None:
    observed = live(provider)
    observed["status"]["atProvider"]["encryptionConfiguration"] = ENCRYPTED
    rsp = run(provider, observed, repository={"encryption": asked})
    assert sent_for_provider(rsp)["encryptionConfiguration"] == ENCRYPTED, reason
    assert ("encryption KMS" in rsp.conditions[0].message) == said, reason
