"""adopt: claims on standard output, what does not fit on standard error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from function.cli.adopt import to_yaml
from tests.cli.invocations import composition, run, settings

ACCOUNT, REGION = "123456789012", "eu-west-2"
UPBOUND, CLASSIC = "ecr.aws.upbound.io/v1beta2", "ecr.aws.crossplane.io/v1beta1"
NAMESPACED = "ecr.aws.m.upbound.io/v1beta1"
DEFAULTS = {"region": REGION, "providerName": "aws"}
KEPT = "Note: adopted repositories are never deleted with their claims\n"
Write = Callable[..., str]


def of_aws(name: str, region: str = REGION, account: str = ACCOUNT) -> dict[str, Any]:
    return {
        "repositoryArn": f"arn:aws:ecr:{region}:{account}:repository/{name}",
        "registryId": account,
        "repositoryName": name,
    }


def page(*names: str) -> str:
    return json.dumps({"repositories": [of_aws(name) for name in names]})


PAIR = page("tap/shop-dev", "tap/shop-dev-bundle")


@pytest.fixture
def settings_file(tmp_path: Path) -> Write:
    """Write platform settings for Upbound's provider; return the file's name."""

    def write(**data: object) -> str:
        file = tmp_path / "settings.yaml"
        file.write_text(settings(**{"provider": UPBOUND, "defaults": DEFAULTS, **data}))
        return str(file)

    return write


CLAIM = """\
---
apiVersion: tap.vrabbi.cloud/v1alpha1
kind: WorkloadECRRepo
metadata:
  name: shop-ecr-repos
  namespace: dev
spec:
  parameters:
    workloadName: shop
    repoPrefix: tap
    region: eu-west-2
    providerName: aws
"""


def test_claims_are_yaml_that_check_accepts(settings_file: Write) -> None:
    code, out, err = run("adopt", "-", "--settings", settings_file(), stdin=PAIR)
    assert (code, out) == (0, CLAIM)
    assert err == (f"{KEPT}listed: 2, adopted: 2, claims: 1, problems: 0\n")
    code, _, err = run("check", "-", "--settings", settings_file(), stdin=out)
    assert (code, err) == (0, "1 checked, 0 skipped, 0 wrong\n")


def test_what_does_not_fit_is_status_1(settings_file: Write) -> None:
    stdin = page("tap/shop-dev", "tap/shop-dev-bundle", "base", "\x1b[2J")
    code, out, err = run("adopt", "-", "--settings", settings_file(), stdin=stdin)
    assert (code, out) == (1, CLAIM)
    assert err == (
        '"\\u001b[2J": ECR has no repository with such a name. List the repositories '
        "again.\n"
        'base: the template "{prefix}/{workload}-{namespace}{suffix}" cannot give it. '
        "Give it to one workload with `existing: true` in --map, or leave it.\n"
        f"{KEPT}listed: 4, adopted: 2, claims: 1, problems: 2\n"
    )


def test_the_json_report(settings_file: Write) -> None:
    stdin = page("tap/shop-dev", "base")
    code, out, err = run(
        "adopt", "-", "--settings", settings_file(), "-o", "json", stdin=stdin
    )
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "claims": [yaml.safe_load(CLAIM)],
        "adopted": [
            {
                "repository": "tap/shop-dev",
                "key": "image",
                "namespace": "dev",
                "claim": "shop-ecr-repos",
                "addresses": [],
            }
        ],
        "created": [
            {
                "repository": "tap/shop-dev-bundle",
                "key": "bundle",
                "namespace": "dev",
                "claim": "shop-ecr-repos",
            }
        ],
        "unfit": [
            {
                "repository": "base",
                "reason": "NoMatch",
                "message": 'the template "{prefix}/{workload}-{namespace}{suffix}" '
                "cannot give it",
                "fix": "Give it to one workload with `existing: true` in --map, or "
                "leave it",
                "origin": "-",
            }
        ],
        "notes": [
            KEPT.strip(),
            "Note: the claim dev/shop-ecr-repos creates tap/shop-dev-bundle, and "
            "deleting the claim deletes it with its images",
        ],
    }


def test_the_addresses_of_what_is_adopted(settings_file: Write) -> None:
    def managed(kind: str, **values: str) -> dict[str, Any]:
        address = f'module.ecr["a b"].{kind}.this'
        return {"address": address, "mode": "managed", "type": kind, "values": values}

    state = {
        "format_version": "1.0",
        "values": {
            "root_module": {
                "resources": [
                    managed("aws_ecr_repository", name="tap/shop-dev"),
                    managed("aws_ecr_repository_policy", repository="tap/shop-dev"),
                    managed("aws_ecr_repository_policy", repository="base"),
                ]
            }
        },
    }
    code, out, _ = run(
        *("adopt", "-", "--settings", settings_file(), "-o", "addresses"),
        stdin=json.dumps(state),
    )
    assert (code, out) == (
        0,
        'module.ecr["a b"].aws_ecr_repository.this\n'
        'module.ecr["a b"].aws_ecr_repository_policy.this\n',
    )


CLASSIC_WARNING = (
    "Warning: the classic provider removes the tags of the repositories that it "
    "adopts. Upbound's provider keeps them\n"
)


@pytest.mark.parametrize(
    ("data", "want"),
    [
        ({}, KEPT),
        ({"provider": CLASSIC}, KEPT + CLASSIC_WARNING),
        ({"deletion": "Never"}, KEPT),
        (
            {"managementPolicies": False},
            KEPT + "Warning: without management policies, the provider may change the "
            "repositories that it adopts, and their tags\n",
        ),
        (
            {"deletion": "Always"},
            "Warning: the settings say deletion: Always. Deleting one of these claims "
            "deletes its repositories with all their images, also those that it "
            "adopted. Set deletion: OnlyCreated first\n",
        ),
    ],
    ids=str,
)
def test_the_consequences_are_printed_before_the_claims_are_applied(
    data: dict[str, Any], want: str, settings_file: Write
) -> None:
    file = settings_file(**data)
    code, _, err = run("adopt", "-", "--settings", file, stdin=PAIR)
    assert code == 0
    assert err == f"{want}listed: 2, adopted: 2, claims: 1, problems: 0\n"


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        ({}, ", and deleting the claim deletes it with its images"),
        ({"deletion": "Never"}, ""),
    ],
)
def test_what_a_claim_creates_is_printed(
    data: dict[str, Any], ending: str, settings_file: Write
) -> None:
    stdin = page("tap/shop-dev")
    code, _, err = run("adopt", "-", "--settings", settings_file(**data), stdin=stdin)
    assert code == 0
    note = f"Note: the claim dev/shop-ecr-repos creates tap/shop-dev-bundle{ending}\n"
    assert note in err


def test_without_bundles_there_is_one_repository(settings_file: Write) -> None:
    file = settings_file(bundle=False)
    stdin = page("tap/shop-dev")
    code, out, err = run("adopt", "-", "--settings", file, stdin=stdin)
    assert (code, out) == (0, CLAIM)
    assert "creates" not in err


def test_the_platforms_template_and_repositories_decide(settings_file: Write) -> None:
    file = settings_file(
        name="{prefix}/{namespace}/{workload}{suffix}",
        suffix="/{repository}",
        repositories={"cache": {}},
        allow={"repoPrefixes": ["tap"]},
    )
    names = ("tap/dev/shop", "tap/dev/shop/bundle", "tap/dev/shop/cache")
    stdin = page(*names, "tap/shop-dev")
    code, out, _ = run("adopt", "-", "--settings", file, "-o", "json", stdin=stdin)
    assert code == 1
    found = json.loads(out)
    assert found["claims"] == [yaml.safe_load(CLAIM)]
    assert {a["key"]: a["repository"] for a in found["adopted"]} == dict(
        zip(("image", "bundle", "cache"), names, strict=True)
    )
    assert [u["repository"] for u in found["unfit"]] == ["tap/shop-dev"]


def test_the_allow_lists_decide_between_readings(settings_file: Write) -> None:
    file = settings_file(allow={"repoPrefixes": ["tap/{namespace}"]})
    stdin = page("tap/dev/a-b-dev", "tap/x/a-dev")
    code, out, err = run("adopt", "-", "--settings", file, stdin=stdin)
    assert code == 1
    (claim,) = yaml.safe_load_all(out)
    assert claim["spec"]["parameters"]["workloadName"] == "a-b"
    assert err.startswith(
        "tap/x/a-dev: it would be the image of workload a in namespace dev, but the "
        "platform does not allow that prefix there."
    )


def test_the_composition_can_have_the_values(
    composition_file: Callable[..., str],
) -> None:
    file = composition_file(provider=UPBOUND, defaults=DEFAULTS)
    code, out, err = run("adopt", "-", "--composition", file, stdin=PAIR)
    assert (code, out) == (0, CLAIM)
    assert "Note: there is neither" not in err


def test_claims_of_crossplane_v2_are_verified_as_namespaced_xrs(
    settings_file: Write,
) -> None:
    file = settings_file(provider=NAMESPACED)
    code, out, _ = run("adopt", "-", "--settings", file, stdin=PAIR)
    assert (code, out) == (0, CLAIM)
    code, out, _ = run(
        *("adopt", "-", "--provider", NAMESPACED, "--provider-name", "aws"), stdin=PAIR
    )
    assert (code, out) == (0, CLAIM)


def test_without_settings_the_options_say_what_is_needed() -> None:
    code, out, err = run("adopt", "-", "--provider-name", "aws", stdin=PAIR)
    assert (code, out) == (0, CLAIM), "the region is that of the repositories"
    assert err.startswith("Note: there is neither --composition nor --settings, so ")
    assert CLASSIC_WARNING in err, "it is the default provider"


@pytest.mark.parametrize(
    ("options", "want"),
    [
        (["--namespace", "c"], "a-b"),
        (["--namespaces", "-"], "a-b"),
        (["--rule", "tap/a-{workload}-{namespace}"], ""),
        (["--map", "-"], "a"),
    ],
)
def test_options_decide_between_readings(
    options: list[str], want: str, tmp_path: Path
) -> None:
    file = tmp_path / "page.json"
    file.write_text(page("tap/a-b-c"))
    stdin = "tap/a-b-c: b-c/a" if "--map" in options else "namespace/c\nnamespace/d\n"
    code, out, _ = run(
        *("adopt", str(file), "--provider-name", "aws", *options), stdin=stdin
    )
    assert code == (0 if want else 1)
    claims = list(yaml.safe_load_all(out))
    found = [claim["spec"]["parameters"]["workloadName"] for claim in claims]
    assert found == ([want] if want else [])


def test_a_rule_without_a_suffix_is_for_bundles_too() -> None:
    code, out, _ = run(
        *("adopt", "-", "--provider-name", "aws", "--rule", "tap/{workload}-dev"),
        stdin=PAIR,
    )
    assert (code, out) == (0, CLAIM)


def test_pages_in_several_files(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    content = json.loads(page("tap/shop-dev"))
    first.write_text(json.dumps({**content, "nextToken": "x"}))
    second.write_text(page("tap/shop-dev-bundle"))
    options = ("--provider-name", "aws")
    assert run("adopt", str(first), str(second), *options)[:2] == (0, CLAIM)
    code, out, err = run("adopt", str(first), *options)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"function-ecr-repos adopt: {first}: the list is not complete: it has a "
        "nextToken"
    )


TWO_REGIONS = json.dumps(
    {"repositories": [of_aws("tap/a-dev"), of_aws("tap/b-dev", region="eu-west-1")]}
)
TWO_ACCOUNTS = json.dumps(
    {"repositories": [of_aws("tap/a-dev"), of_aws("tap/b-dev", account="2" * 12)]}
)


@pytest.mark.parametrize(
    ("stdin", "option", "reason"),
    [
        (TWO_REGIONS, ("--region", REGION), "OtherRegion"),
        (TWO_ACCOUNTS, ("--account", ACCOUNT), "OtherAccount"),
    ],
)
def test_claims_are_for_one_registry(
    stdin: str, option: tuple[str, str], reason: str
) -> None:
    args = ("adopt", "-", "--provider-name", "aws", "-o", "json")
    code, out, err = run(*args, stdin=stdin)
    assert (code, out) == (2, "")
    assert f"Use {option[0]}" in err
    code, out, _ = run(*args, *option, stdin=stdin)
    assert code == 1
    found = json.loads(out)
    assert [u["reason"] for u in found["unfit"]] == [reason]
    assert [c["metadata"]["name"] for c in found["claims"]] == ["a-ecr-repos"]


@pytest.mark.parametrize(
    ("args", "stdin", "want"),
    [
        ([], PAIR, "the settings have no default of providerName. Use --provider-name"),
        (["--namespaces", "-"], "", "only one file can be standard input"),
        (["-"], "", "only one file can be standard input"),
        (
            ["--namespaces", "x", "--namespace", "y"],
            "",
            "use either --namespaces or --namespace",
        ),
        (["--namespace", "X"], "", '"X" cannot be the name of a namespace'),
        (["--account", "12"], "", "an AWS account ID has 12 digits"),
        (["--provider", "aws"], "", "'ecr.aws.crossplane.io/v1beta1'"),
        (
            ["--provider-name", "a", "--rule", "{namespace}"],
            PAIR,
            "a name template must contain {workload}",
        ),
        (
            ["--provider-name", "a", "--rule", "{workload}/{bundle}"],
            PAIR,
            'there is no placeholder "{bundle}" here',
        ),
        (["--map", "nofile", "--provider-name", "a"], PAIR, "nofile: No such file"),
        ([], "[]", "there is no ECR repository in it"),
        (["--provider-name", "a"], '[{"repositoryName": "a0"}]', "which region? The f"),
        ([], "", "adopt: -: the file is empty"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(
    args: list[str], stdin: str, want: str
) -> None:
    code, out, err = run("adopt", "-", *args, stdin=stdin)
    assert (code, out) == (2, "")
    assert want in err
    assert err.count("\n") == 1, err


def test_the_provider_is_named_in_one_place(settings_file: Write) -> None:
    code, _, err = run(
        *("adopt", "-", "--settings", settings_file(), "--provider", CLASSIC),
        stdin=PAIR,
    )
    assert code == 2
    assert "use either --provider, or the provider of --settings and" in err


def test_required_settings_must_be_given(tmp_path: Path) -> None:
    file = tmp_path / "composition.yaml"
    file.write_text(composition(settings="Required"))
    code, out, err = run("adopt", "-", "--composition", str(file), stdin=PAIR)
    assert (code, out) == (2, "")
    assert "Add --settings FILE" in err


@pytest.mark.parametrize("word", ["y", "n", "1e3", "0x1", "1_0", "12", "-"])
def test_words_that_some_parsers_do_not_take_for_text_are_quoted(word: str) -> None:
    assert to_yaml({"workloadName": word}) == f'---\nworkloadName: "{word}"\n'


@given(st.text())
def test_text_stays_text_in_yaml(text: str) -> None:
    assert yaml.safe_load(to_yaml({"a": text})) == {"a": text}


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), max_size=3), st.text(), st.text())
def test_names_cannot_write_to_the_terminal(
    names: list[str], region: str, address: str
) -> None:
    resources = [
        {
            "type": "aws_ecr_repository",
            "mode": "managed",
            "address": address or "a",
            "values": {"name": name or "tap/b-dev", "region": region},
        }
        for name in ["tap/a-dev", *names]
    ]
    module = {"root_module": {"resources": resources}}
    state = {"format_version": "1.0", "values": module}
    args = ("adopt", "-", "--provider-name", "aws", "--region", "eu-west-2")
    for output in ("text", "addresses"):
        code, out, err = run(*args, "-o", output, stdin=json.dumps(state))
        assert code in (0, 1)
        for line in (out + err).splitlines():
            # A text that is cut off ends with the ellipsis.
            assert line.replace("…", "").isascii(), line
            assert line.isprintable(), line
