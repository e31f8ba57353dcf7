"""Each provider with each option: whole manifests, by the providers' own fields.

`python tests/ecr/test_options.py` writes the goldens anew: look at the difference.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from test_registry import (
    APIS,
    CLASSIC,
    CLUSTER,
    MARK,
    NAMESPACED,
    READY,
    image,
    live,
    run,
    xr,
)

from function.api import overrides
from function.api.input import API_VERSION, KIND, Input, parse_input
from function.api.parameters import read_parameters
from function.cli.manifests import to_struct
from function.ecr.options import OPTION_NAMES, RULES
from function.errors import InvalidParameterError

ROOT = Path(__file__).parents[1]
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "any",
                "countType": "sinceImagePulled",
                "countUnit": "days",
                "countNumber": 90,
            },
            "action": {"type": "transition", "targetStorageClass": "archive"},
        }
    ]
}
DENY = {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:PutImage"}}
EXCLUSION = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": ["latest", "dev-*"],
}
# Option by option, and then together.
CASES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "forceDelete": {"forceDelete": False},
    "imageTagMutability": {"imageTagMutability": "IMMUTABLE"},
    "imageTagMutabilityExclusionFilters": EXCLUSION,
    "scanOnPush": {"scanOnPush": True},
    "encryption": {"encryption": {"type": "AES256"}},
    "encryption with a key": {
        "encryption": {
            "type": "KMS",
            "kmsKey": "arn:aws:kms:eu-west-2:123456789012:key/1234",
        }
    },
    "tags": {"tags": {"team": "shop", "cost centre": "42/a"}},
    "automaticTags": {"automaticTags": True, "tags": {"namespace": "mine wins"}},
    "lifecycle": {
        "lifecycle": {
            "expireUntaggedAfterDays": 7,
            "byTagPrefix": [
                {"prefix": "v", "keepLast": 50},
                {"prefix": "dev-", "expireAfterDays": 30},
            ],
            "keepLast": 100,
        }
    },
    "lifecycle as it is": {"lifecycle": {"policy": json.dumps(LIFECYCLE)}},
    "permissions": {
        "permissions": {
            "pull": ["210987654321"],
            "push": ["arn:aws:iam::123456789012:role/ci"],
            "organizations": ["o-abcdefghij"],
            "lambdaAccounts": ["123456789012"],
        }
    },
    "permissions as they are": {"permissions": {"policy": json.dumps(DENY)}},
}
CASES["all that every provider has"] = {
    key: value
    for name in ("scanOnPush", "tags", "lifecycle", "permissions", "forceDelete")
    for key, value in CASES[name].items()
}
LACKING = {CLASSIC: {"encryption", "imageTagMutabilityExclusionFilters"}}


def parse(**fields: Any) -> Input:
    given = {"apiVersion": API_VERSION, "kind": KIND, **fields}
    return parse_input(to_struct(given))


def test_every_option_has_a_case_and_can_be_allowed() -> None:
    assert set(OPTION_NAMES) == {option for case in CASES.values() for option in case}
    allowed = parse(allow={"overrides": list(OPTION_NAMES)}).allow.overrides
    assert allowed == list(OPTION_NAMES)


def rendered(provider: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return what is composed for a repository that is known to be ours."""
    rsp = run(provider, live(provider), repository=options)
    assert not rsp.results, rsp.results
    return {
        name: resource.struct_to_dict(r.resource)
        for name, r in sorted(rsp.desired.resources.items())
    }


def golden(provider: str) -> Path:
    return ROOT / f"goldens/options/{provider.partition('/')[0]}.yaml"


def supported(provider: str, options: dict[str, Any]) -> bool:
    return not LACKING.get(provider, set()) & set(options)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("provider", APIS)
def test_goldens(provider: str, case: str) -> None:
    if supported(provider, CASES[case]):
        want = yaml.safe_load(golden(provider).read_text())[case]
        assert rendered(provider, CASES[case]) == want
        return
    result = run(provider, repository=CASES[case]).results[-1]
    assert result.severity == fnv1.SEVERITY_FATAL
    (lacking,) = LACKING[provider] & set(CASES[case])
    assert f"input.repository.{lacking}" in result.message
    assert provider in result.message
    assert CLUSTER in result.message


def schema(fact: Any) -> dict[str, Any]:
    """Return the JSON schema of a recorded fact; see tests/facts/providers.yaml."""
    if isinstance(fact, str):
        return {"type": fact}
    if isinstance(fact, list) and len(fact) == 1:
        return {"type": "array", "items": schema(fact[0])}
    if isinstance(fact, list):
        return {"enum": fact}
    if "*" in fact:
        return {"type": "object", "additionalProperties": schema(fact["*"])}
    return {
        "type": "object",
        "properties": {name.rstrip("!"): schema(f) for name, f in fact.items()},
        "required": [name.rstrip("!") for name in fact if name.endswith("!")],
        "additionalProperties": False,
    }


FACTS = {
    kind: jsonschema.Draft202012Validator(schema(fact))
    for kind, fact in yaml.safe_load(
        (ROOT / "facts/providers.yaml").read_text()
    ).items()
}


@pytest.mark.parametrize("managed", [None, True])
@pytest.mark.parametrize("made", [None, True, False])
@pytest.mark.parametrize("provider", APIS)
def test_every_output_has_the_providers_own_fields(
    provider: str, *, made: bool | None, managed: bool | None
) -> None:
    more = {} if managed is None else {"managementPolicies": managed}
    observed = None if made is None else live(provider, made=made)
    for case, options in CASES.items():
        if not supported(provider, options):
            continue
        rsp = run(provider, observed, repository=options, **more)
        for composed in rsp.desired.resources.values():
            manifest = resource.struct_to_dict(composed.resource)
            kind = f"{manifest['apiVersion']} {manifest['kind']}"
            FACTS[kind].validate(manifest["spec"])
            assert "namespace" not in manifest["metadata"], case


def test_an_unknown_field_would_be_noticed() -> None:
    manifest = image(run(CLASSIC))
    manifest["spec"]["forProvider"]["colour"] = "blue"
    kind = f"{CLASSIC} Repository"
    assert not FACTS[kind].is_valid(manifest["spec"])


def of(rsp: fnv1.RunFunctionResponse, name: str = "imagerepo") -> dict[str, Any]:
    spec = resource.struct_to_dict(rsp.desired.resources[name].resource)["spec"]
    return dict(spec["forProvider"])


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
def test_options_are_never_written_onto_what_was_there_before(  # a table's row
    provider: str,
    deletion: str,
    reason: str,
    *,
    managed: bool | None,
    made: bool | None,
    sent: bool,
) -> None:
    more = {} if managed is None else {"managementPolicies": managed}
    observed = None if made is None else live(provider, made=made)
    got = of(run(provider, observed, repository=WRITTEN, deletion=deletion, **more))
    options = {"imageTagMutability", "imageScanningConfiguration", "tags"}
    assert got.keys() - {"region", "forceDelete"} == (options if sent else set()), (
        reason
    )
    assert got["forceDelete"] == (made is False and not sent), reason


@pytest.mark.parametrize("managed", [True, False])
def test_encryption_is_sent_with_the_creation(*, managed: bool) -> None:
    """It can never be changed, and so never be written onto what is there."""
    encryption = {"type": "KMS"}
    rsp = run(
        CLUSTER, repository={"encryption": encryption}, managementPolicies=managed
    )
    assert of(rsp)["encryptionConfiguration"] == [{"encryptionType": "KMS"}]


def test_the_two_can_differ_option_by_option() -> None:
    rsp = run(
        CLUSTER,
        bundle=True,
        repository={**EXCLUSION, "scanOnPush": True, "tags": {"a": "b"}},
        image={"imageTagMutability": "MUTABLE"},
        bundleRepository={"tags": {"c": "d"}, "scanOnPush": False},
    )
    common = {"region": "eu-west-2", "forceDelete": True}
    assert of(rsp) == {
        **common,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "tags": {"a": "b"},
    }
    assert of(rsp, "bundlerepo") == {
        **common,
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilter": [
            {"filter": "latest", "filterType": "WILDCARD"},
            {"filter": "dev-*", "filterType": "WILDCARD"},
        ],
        "imageScanningConfiguration": {"scanOnPush": False},
        "tags": {"c": "d"},
    }


def overriding(provider: str, **options: Any) -> dict[str, Any]:
    composite = xr(provider)
    composite["spec"]["parameters"]["repository"] = options
    return composite


def test_a_workload_has_its_way_where_it_may() -> None:
    rsp = run(
        CLUSTER,
        composite=overriding(CLUSTER, tags={"mine": "x"}, scanOnPush=False),
        allow={"overrides": ["tags", "scanOnPush"]},
        repository={"scanOnPush": True, "imageTagMutability": "IMMUTABLE"},
        image={"tags": {"image": "x"}},
    )
    assert of(rsp) == {
        "region": "eu-west-2",
        "forceDelete": True,
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "tags": {"mine": "x"},
    }


@pytest.mark.parametrize(
    ("options", "allow", "field", "reason"),
    [
        ({"tags": {}}, None, "tags", "NotAllowed"),
        ({"tags": {}}, [], "tags", "NotAllowed"),
        ({"tags": {}}, ["scanOnPush"], "tags", "NotAllowed"),
        ({"colour": 1}, ["tags"], "colour", "NotAllowed"),
        ({"\x1b[31m": 1}, ["tags"], r"\u001b[31m", "NotAllowed"),
        ({"tags": {"a": 1}}, ["tags"], "tags.a", "InvalidParameters"),
        ({"scanOnPush": "yes"}, ["scanOnPush"], "scanOnPush", "InvalidParameters"),
        (
            {"lifecycle": {"keepLast": 0}},
            ["lifecycle"],
            "lifecycle.keepLast",
            "InvalidParameters",
        ),
        (
            {"encryption": {"type": "KMS"}},
            ["encryption"],
            "encryption",
            "InvalidParameters",
        ),
    ],
)
def test_a_workload_that_may_not(
    options: dict[str, Any], allow: list[str] | None, field: str, reason: str
) -> None:
    more = {} if allow is None else {"allow": {"overrides": allow}}
    rsp = run(CLASSIC, composite=overriding(CLASSIC, **options), **more)
    result = rsp.results[-1]
    assert f"spec.parameters.repository.{field}" in result.message
    assert rsp.conditions[0].reason == reason
    assert result.message.isprintable()


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"encryption": {"type": "AES256"}}, "has no field for it"),
        ({"lifecycle": {"keepLast": float("inf")}}, "numbers are finite"),
        ({"tags": {str(n): "" for n in range(9000)}}, "it has too many values"),
    ],
    ids=["unsupported", "infinite", "too many"],
)
def test_a_workloads_mistake_is_not_the_inputs(
    options: dict[str, Any], rule: str
) -> None:
    """The platform's Input can be relied on then."""
    allow = {"overrides": ["encryption", "lifecycle", "tags"]}
    input_ = parse(allow=allow)
    composite = overriding(CLASSIC, **options)
    asked = read_parameters(fnv1.Resource(resource=composite).resource)
    with pytest.raises(InvalidParameterError, match=rule) as e:
        overrides.repository_options(input_, "image", asked.overrides)
    assert e.value.field.startswith("spec.parameters.repository")
    assert "Composition" not in str(e.value)


@pytest.mark.parametrize(
    ("options", "field", "rule"),
    [
        ({"tags": {"aws:x": "y"}}, "tags.aws:x", "reserved for AWS"),
        ({"tags": {"AWS:x": "y"}}, "tags.AWS:x", "reserved for AWS"),
        (
            {"tags": {"crossplane-name": "shop"}},
            'tags.crossplane-name: got "crossplane-name"',
            "keys that begin with crossplane- are reserved for the Crossplane "
            "provider, in upper and lower case. Use another key",
        ),
        ({"tags": {"Crossplane-Kind": "x"}}, "tags.Crossplane-Kind", "reserved"),
        ({"tags": {"cros\u017fplane-name": "x"}}, "tags.", "reserved"),
        (
            {"tags": {"function-ecr-repos/created-by": "a-uid"}},
            'tags.function-ecr-repos/created-by: got "function-ecr-repos/created-by"',
            "reserved for this function",
        ),
        (
            {"tags": {"ecrrepos.fn.tap.vrabbi.cloud/created-by": "a-uid"}},
            "tags.ecrrepos.fn.tap.vrabbi.cloud/created-by",
            "reserved for this function",
        ),
        (
            {"tags": {"function-ecr-repos/created-by": "a-uid"}},
            "tags.function-ecr-repos/created-by",
            "reserved for this function",
        ),
        ({"tags": {"": "y"}}, "tags.", "1 to 128"),
        ({"tags": {"k" * 129: "y"}}, "tags.kkk", "1 to 128"),
        ({"tags": {"[": "y"}}, "tags.[", "letters"),
        ({"tags": {"x": "y" * 257}}, "tags.x", "256"),
        ({"tags": {"x": "y\x00"}}, "tags.x", "letters"),
        ({"tags": {f"k{n}": "" for n in range(44)}}, "tags", "43 tags"),
        ({"imageTagMutability": "FIXED"}, "imageTagMutability", "MUTABLE"),
        ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "", "ExclusionFilters"),
        ({"imageTagMutabilityExclusionFilters": ["a"]}, "", "ExclusionFilters"),
        (
            {**EXCLUSION, "imageTagMutabilityExclusionFilters": ["*a*b*"]},
            "imageTagMutabilityExclusionFilters.0",
            "two '*'",
        ),
        (
            {**EXCLUSION, "imageTagMutabilityExclusionFilters": list("abcdef")},
            "imageTagMutabilityExclusionFilters",
            "5",
        ),
        (
            {"encryption": {"type": "AES256", "kmsKey": "x"}},
            "encryption",
            "KMS",
        ),
        ({"lifecycle": {"policy": "{}"}}, "lifecycle", "`rules`"),
        ({"lifecycle": {"policy": "{}", "keepLast": 1}}, "lifecycle", "instead"),
        (
            {"lifecycle": {"byTagPrefix": [{"prefix": "v"}]}},
            "lifecycle.byTagPrefix.0",
            "one of",
        ),
        (
            {"lifecycle": {"byTagPrefix": [{"prefix": "v", "keepLast": 1}] * 51}},
            "lifecycle.byTagPrefix",
            "50 items",
        ),
        (
            {
                "lifecycle": {
                    "byTagPrefix": [{"prefix": "v", "keepLast": 1}] * 50,
                    "keepLast": 1,
                }
            },
            "lifecycle",
            "51 rules",
        ),
        (
            {"lifecycle": {"keepLast": 2**31}},
            "lifecycle.keepLast",
            "less than or equal to 2147483647",
        ),
        ({"permissions": {"policy": "{}"}}, "permissions", "Statement"),
        ({"permissions": {"pull": ["everyone"]}}, "permissions.pull.0", "12 digits"),
        ({"permissions": {"pull": [210987654321]}}, "permissions.pull.0", "a string"),
        ({"permissions": {"organizations": ["x"]}}, "permissions.organ", "its ID"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("layer", ["repository", "image", "bundleRepository"])
def test_a_platform_that_errs_is_told_where(
    layer: str, options: dict[str, Any], field: str, rule: str
) -> None:
    result = run(CLUSTER, **{layer: options}).results[-1]
    assert f"input.{layer}{'.' if field else ''}{field}" in result.message
    assert rule in result.message
    assert len(result.message) < 1000


def test_each_pattern_has_its_rule_in_words() -> None:
    """Without one, the error of a wrong value would be one itself."""
    found = re.findall(
        r'(?<!"not": {)"pattern": ("[^ ]+")', json.dumps(Input.model_json_schema())
    )
    assert {json.loads(pattern) for pattern in found} == set(RULES)


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
    assert of(rsp)["encryptionConfiguration"] == ENCRYPTED, reason
    assert ("with encryption KMS" in rsp.conditions[0].message) == said, reason


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("deletion", ["OnlyCreated", "Never", "Always"])
def test_what_was_there_before_is_left_as_it_is(provider: str, deletion: str) -> None:
    options = CASES["all that every provider has"]
    observed = live(provider, made=False)
    rsp = run(provider, observed, repository=options, deletion=deletion)
    left = {"region": "eu-west-2", "forceDelete": True}
    assert (of(rsp) == left) == (deletion != "Always")
    assert (set(rsp.desired.resources) == {"imagerepo"}) == (deletion != "Always")


def policies(
    provider: str, before: dict[str, Any], *, deletable: bool | None = None
) -> dict[str, Any]:
    """Return the live policies that options once gave, by composed name."""
    out = {}
    for name, manifest in rendered(provider, before).items():
        if name == "imagerepo":
            continue
        manifest["metadata"] |= {"name": name, "annotations": MARK}
        manifest["status"] = {"conditions": [READY]}
        if deletable is not None:
            set_deletable(manifest, deletable=deletable)
        out[name] = manifest
    return out


def set_deletable(manifest: dict[str, Any], *, deletable: bool) -> None:
    spec = manifest["spec"]
    if "deletionPolicy" in spec:
        spec["deletionPolicy"] = "Delete" if deletable else "Orphan"
    if "managementPolicies" in spec:
        keep = ["Observe", "Create", "Update", "LateInitialize"]
        spec["managementPolicies"] = ["*"] if deletable else keep


def goes(manifest: dict[str, Any]) -> bool:
    """Whether a policy goes from ECR with its resource."""
    spec = manifest["spec"]
    return spec.get("deletionPolicy") != "Orphan" and spec.get(
        "managementPolicies", ["*"]
    ) == ["*"]


SHORT = {"lifecycle": {"keepLast": 5}, "permissions": {"pull": ["210987654321"]}}
LIFE, PERM = "imagerepo-lifecycle", "imagerepo-policy"


@pytest.mark.parametrize(
    ("provider", "made", "now", "was_deletable", "want", "reason"),
    [
        (CLASSIC, True, SHORT, None, {LIFE: False, PERM: True}, "as asked"),
        (CLUSTER, True, SHORT, None, {LIFE: True, PERM: True}, "as asked"),
        (CLASSIC, True, {}, None, {LIFE: True}, "to be deleted, and then let go"),
        (CLASSIC, True, {}, True, {}, "let go, and deleted"),
        (CLUSTER, True, {}, None, {}, "let go, and deleted"),
        (
            CLASSIC,
            True,
            CASES["lifecycle"],
            None,
            {LIFE: False},
            "the classic provider changes a text",
        ),
        (CLUSTER, True, CASES["lifecycle"], None, {}, "made anew, once it is gone"),
        (
            NAMESPACED,
            True,
            CASES["permissions"],
            None,
            {PERM: True},
            "Upbound's changes who may pull",
        ),
        (CLASSIC, False, SHORT, None, {LIFE: True}, "not ours any more: removed"),
        (CLASSIC, False, SHORT, True, {}, "let go, and deleted"),
        (NAMESPACED, False, SHORT, None, {}, "not ours any more: removed"),
        (CLUSTER, False, {}, None, {}, "whatever is asked for"),
        (NAMESPACED, False, SHORT, False, {LIFE: True, PERM: True}, "first the right"),
    ],
)
def test_what_becomes_of_live_policies(
    provider: str,
    now: dict[str, Any],
    was_deletable: bool | None,
    want: dict[str, bool],
    reason: str,
    *,
    made: bool,
) -> None:
    found = policies(provider, SHORT, deletable=was_deletable)
    rsp = run(provider, live(provider, made=made), others=found, repository=now)
    got = {
        name: goes(resource.struct_to_dict(r.resource))
        for name, r in rsp.desired.resources.items()
        if name != "imagerepo"
    }
    assert got == want, reason


@pytest.mark.parametrize("provider", APIS)
def test_a_policy_of_a_repository_that_was_replaced_is_removed(provider: str) -> None:
    """Its controller may have put it there first; it would expire another's images."""
    found = policies(provider, SHORT, deletable=True)
    replaced = live(provider, signature="theirs")
    if provider == CLASSIC:
        replaced["status"]["atProvider"]["createdAt"] = "2026-01-02T00:00:00Z"
    rsp = run(provider, replaced, others=found, repository=SHORT)
    assert rsp.conditions[0].reason == "Adopted"
    assert set(rsp.desired.resources) == {"imagerepo"}, "Crossplane deletes the rest"


def test_a_policy_whose_repository_is_gone_is_let_go_without_the_right_to_delete() -> (
    None
):
    """The classic provider could not delete its resource."""
    found = policies(CLASSIC, SHORT)
    gone = live(CLASSIC)
    del gone["status"]
    rsp = run(CLASSIC, gone, others=found, repository=SHORT)
    assert set(rsp.desired.resources) == {"imagerepo"}


def test_a_bundle_is_released_after_its_policies() -> None:
    lost = {"rivals": [live(CLASSIC, uid="theirs")]}
    names = {f"bundlerepo-{name.partition('-')[2]}": name for name in (LIFE, PERM)}
    found = policies(CLASSIC, SHORT)
    bundle = live(CLASSIC)
    bundle["spec"]["deletionPolicy"] = "Delete"
    bundle["spec"]["forProvider"]["forceDelete"] = False
    others = {ours: found[theirs] for ours, theirs in names.items()}
    seen = []
    for _ in range(3):
        rsp = run(
            CLASSIC,
            live(CLASSIC, made=False),
            bundle=True,
            others={"bundlerepo": bundle, **others},
            repository=SHORT,
            **lost,
        )
        seen.append(set(rsp.desired.resources) - {"imagerepo"})
        others = {k: m for k, m in others.items() if k in rsp.desired.resources}
        for name, manifest in others.items():
            manifest["spec"] = resource.struct_to_dict(
                rsp.desired.resources[name].resource
            )["spec"]
    assert seen == [{"bundlerepo", "bundlerepo-lifecycle"}, {"bundlerepo"}, set()]


def test_a_claim_is_ready_when_its_policies_are_and_says_what_is_wrong() -> None:
    found = policies(CLASSIC, SHORT)
    rsp = run(CLASSIC, live(CLASSIC), repository=SHORT)
    assert rsp.desired.resources[LIFE].ready != fnv1.READY_TRUE
    rsp = run(CLASSIC, live(CLASSIC), others=found, repository=SHORT)
    assert {r.ready for r in rsp.desired.resources.values()} == {fnv1.READY_TRUE}
    found[LIFE]["status"]["conditions"] = [
        {"type": "Synced", "status": "False", "message": "AccessDenied"}
    ]
    rsp = run(CLASSIC, live(CLASSIC), others=found, repository=SHORT)
    assert rsp.desired.resources[LIFE].ready != fnv1.READY_TRUE
    assert "AccessDenied" in rsp.conditions[0].message
    assert rsp.conditions[0].status == fnv1.STATUS_CONDITION_TRUE


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_connection_details_of_a_namespaced_xr(kind: str) -> None:
    given = {"connection": {"kind": kind}}
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


if __name__ == "__main__":
    for api in APIS:
        cases = {c: rendered(api, o) for c, o in CASES.items() if supported(api, o)}
        golden(api).write_text(yaml.safe_dump(cases, width=88))
