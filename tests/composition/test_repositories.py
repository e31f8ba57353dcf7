"""When a repository's options are sent to the provider."""

from typing import Any

import pytest

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    NAMESPACED,
    OPTIONS,
    live,
    run,
    sent_for_provider,
)

WRITTEN = {
    "imageTagMutability": "IMMUTABLE",
    "scanOnPush": True,
    "tags": {"team": "shop"},
    "forceDelete": False,
}


@pytest.mark.parametrize(
    ("provider", "managed", "made", "deletion", "sent", "reason"),
    [
        (
            CLASSIC,
            None,
            None,
            "OnlyCreated",
            False,
            "it would write onto what it finds",
        ),
        (CLASSIC, True, None, "OnlyCreated", False, "its Create takes no tags anyway"),
        (CLASSIC, None, False, "OnlyCreated", False, "there before"),
        (CLASSIC, None, False, "Never", False, "there before"),
        (CLASSIC, None, False, "Always", True, "full rights, as the recipe's"),
        (CLASSIC, None, True, "OnlyCreated", True, "created"),
        (CLASSIC, None, True, "Never", True, "created"),
        (CLUSTER, None, None, "OnlyCreated", True, "it may create, and not update"),
        (CLUSTER, False, None, "OnlyCreated", False, "it would write them"),
        (CLUSTER, False, True, "OnlyCreated", True, "created"),
        (CLUSTER, None, False, "OnlyCreated", False, "there before"),
        (NAMESPACED, None, None, "OnlyCreated", True, "it may create, and not update"),
        (NAMESPACED, None, False, "OnlyCreated", False, "there before"),
    ],
)
def test_options_are_never_sent_for_a_repository_that_existed_before(
    provider: str,
    deletion: str,
    reason: str,
    *,
    managed: bool | None,
    made: bool | None,
    sent: bool,
) -> None:
    more: dict[str, Any] = {} if managed is None else {"managementPolicies": managed}
    observed = None if made is None else live(provider, made=made)
    got = sent_for_provider(
        run(provider, observed, repository=WRITTEN, deletion=deletion, **more)
    )
    options = {"imageTagMutability", "imageScanningConfiguration", "tags"}
    assert got.keys() - {"region", "forceDelete"} == (options if sent else set()), (
        reason
    )
    assert got["forceDelete"] == (made is False and not sent), reason


@pytest.mark.parametrize("managed", [True, False])
def test_encryption_is_sent_at_creation(*, managed: bool) -> None:
    """It can never be changed, and so never be written onto what is there."""
    encryption = {"type": "KMS"}
    rsp = run(
        CLUSTER, repository={"encryption": encryption}, managementPolicies=managed
    )
    assert sent_for_provider(rsp)["encryptionConfiguration"] == [
        {"encryptionType": "KMS"}
    ]


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("deletion", ["OnlyCreated", "Never", "Always"])
def test_an_adopted_repository_is_not_changed(provider: str, deletion: str) -> None:
    options = OPTIONS["all that every provider has"]
    observed = live(provider, made=False)
    rsp = run(provider, observed, repository=options, deletion=deletion)
    left = {"region": "eu-west-2", "forceDelete": True}
    assert (sent_for_provider(rsp) == left) == (deletion != "Always")
    assert (set(rsp.desired.resources) == {"imagerepo"}) == (deletion != "Always")
