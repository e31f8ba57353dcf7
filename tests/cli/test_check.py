"""check: what it finds, where, and what it prints."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.builders import CLASSIC
from tests.cli.invocations import (
    CLAIM,
    COMPOSITION,
    SCRIPT,
    claim,
    composition,
    run,
    run_in_terminal,
    run_script,
    settings,
)

# Two claims whose image repositories have the same name.
COMPETITORS = (
    claim(workloadName="a-b", namespace="c", name="one")
    + "---\n"
    + claim(workloadName="a", namespace="b-c", name="two")
)


@pytest.mark.parametrize(
    ("stdin", "reason", "field", "message", "why"),
    [
        (
            CLAIM.replace("eu-west-2", "Here"),
            "InvalidParameters",
            "spec.parameters.region",
            'spec.parameters.region: got "Here"; ',
            "the function refuses the claim",
        ),
        (
            CLAIM.replace("region:", "regoin:"),
            "InvalidParameters",
            "spec.parameters.regoin",
            'got "eu-west-2"; there is no such parameter (did you mean region?), only '
            "workloadName, repoPrefix, region, providerName, repositories, "
            "existingName, repository. Correct its",
            "a parameter that is nearly one of ours",
        ),
        (
            CLAIM.replace("  parameters:", "  parameters:\n    bananas: 5"),
            "InvalidParameters",
            "spec.parameters.bananas",
            "providerName, repositories, existingName, repository. Correct its name, "
            "or remove it.",
            "a parameter that is not near any of ours",
        ),
        (
            COMPETITORS,
            "NameTaken",
            "spec.parameters.workloadName",
            'spec.parameters.workloadName: got "a"; the repository '
            "tap/workloads/a-b-c belongs to the claim one in namespace c (-:1), and "
            "two claims cannot share a repository. Change workloadName, repoPrefix "
            "or the namespace.",
            "two claims with the same repository",
        ),
        (
            claim(name="x" * 64),
            "InvalidParameters",
            "metadata.name",
            "with 64 characters; the name of a claim has at most 63. Use a shorter",
            "a label of the XR has at most 63 characters",
        ),
        (
            claim(name="Shop"),
            "InvalidParameters",
            "metadata.name",
            'metadata.name: got "Shop"; it must be a Kubernetes name',
            "the API server refuses it",
        ),
        (
            COMPOSITION.replace("kind: XWorkload", "kind: XWorload"),
            "Unusable",
            "spec.compositeTypeRef.kind",
            'spec.compositeTypeRef.kind: got "XWorloadECRRepo"; the kinds of',
            "the type of the XRs",
        ),
        (
            composition(provider="ecr.aws.m.upbound.io/v1beta1"),
            "InvalidParameters",
            "spec.pipeline.0.input.provider",
            "input.provider: got ecr.aws.m.upbound.io/v1beta1; ",
            "namespaced resources of a cluster-scoped XR",
        ),
        (
            composition().replace("kind: XWorkload", "kind: Workload"),
            "InvalidParameters",
            "spec.pipeline.0.input.provider",
            "input.provider: got ecr.aws.crossplane.io/v1beta1; ",
            "cluster-scoped resources of a namespaced XR, by default",
        ),
        (
            composition(bundel=False),
            "InvalidParameters",
            "spec.pipeline.0.input.bundel",
            "input.bundel: got false; ",
            "an unknown field of an Input",
        ),
        (
            composition(allow={"regions": ["eu-*", 5]}),
            "InvalidParameters",
            "spec.pipeline.0.input.allow.regions.1",
            "input.allow.regions.1: got 5; ",
            "a value inside a list",
        ),
        (
            CLAIM.replace("v1alpha1", "v1beta1"),
            "Unusable",
            "apiVersion",
            'apiVersion: got "tap.vrabbi.cloud/v1beta1"; the apiVersion of '
            "WorkloadECRRepo is tap.vrabbi.cloud/v1alpha1. Use tap.vrabbi.cloud/v1",
            "a version that does not exist",
        ),
        (
            COMPOSITION.replace("crossplane.io/v1", "crossplane.io/v2"),
            "Unusable",
            "apiVersion",
            'got "apiextensions.crossplane.io/v2"; the apiVersion of Composition is',
            "a Composition of Crossplane v2 has v1 too",
        ),
        (
            COMPOSITION.replace("Pipeline", "Resources"),
            "InvalidParameters",
            "spec.mode",
            'spec.mode: got "Resources"; Crossplane calls functions only in Pipeline '
            "mode. Set spec.mode to Pipeline.",
            "a mode that ignores functions",
        ),
        (
            "apiVersion: apiextensions.crossplane.io/v1\nkind: Composition\n"
            "spec:\n  mode: Pipeline\n  pipeline:\n"
            "  - functionRef: {name: function-ecr-repos}\n    input: 5\n",
            "InvalidParameters",
            "spec.pipeline.0.input",
            "spec.pipeline.0.input: got 5; it must be an object. Write the fields of "
            "the Input there.",
            "an input that is not an object",
        ),
        (
            "apiVersion: ecrrepos.fn.tap.vrabbi.cloud/v1beta1\nkind: Input\nbundle: 5",
            "InvalidParameters",
            "bundle",
            "input.bundle: got 5; ",
            "an Input in a file of its own",
        ),
        (
            CLAIM.replace("name: example-app-ecr-repos", "name: 5"),
            "Unusable",
            "",
            "metadata.name must be a string that is not empty",
            "a claim that is not a manifest",
        ),
        ("a: [", "Unusable", "", "not YAML: line 1, column 5: ", "not YAML"),
    ],
)
def test_it_says_what_is_wrong_and_where(
    stdin: str, reason: str, field: str, message: str, why: str
) -> None:
    code, out, _ = run("check", "-", "-o", "json", stdin=stdin)
    finding = json.loads(out)["findings"][0]
    assert (finding["reason"], finding["field"]) == (reason, field), why
    assert message in finding["message"], why
    if field:
        key = field.split(".")[-1]
        line = stdin.splitlines()[finding["line"] - 1]
        assert (
            key in line
            or key == "provider"
            or (key.isdigit() and line.lstrip().startswith("- "))
        ), why
    assert code == (2 if why == "not YAML" else 1)


def test_all_that_is_wrong_with_a_claim_is_reported_in_its_order() -> None:
    stdin = CLAIM.replace("eu-west-2", "Here").replace("tap/", "Tap/")
    code, out, err = run("check", "-", "-o", "json", stdin=stdin)
    findings = json.loads(out)["findings"]
    assert code == 1
    assert [f["field"] for f in findings] == [
        "spec.parameters.repoPrefix",
        "spec.parameters.region",
    ]
    assert findings[0]["line"] < findings[1]["line"]
    assert err == ""


def test_all_that_is_wrong_with_an_input_is_reported() -> None:
    stdin = composition(bundel=False, deletion="No", allow={"regoins": []})
    _, out, _ = run("check", "-", "-o", "json", stdin=stdin)
    messages = [f["message"] for f in json.loads(out)["findings"]]
    assert len(messages) == 3
    assert "did you mean bundle?" in messages[2]
    assert "did you mean regions?" in messages[1]


@pytest.mark.parametrize("spec", ["", "spec: {}\n", "spec: {parameters: {}}\n"])
def test_a_claim_without_parameters_lacks_each_of_them(spec: str) -> None:
    stdin = CLAIM[: CLAIM.index("spec:")] + spec
    code, out, _ = run("check", "-", stdin=stdin)
    assert code == 1
    assert out.count("got nothing; it is required") == 4


@pytest.mark.parametrize(
    ("stdin", "message", "status", "why"),
    [
        ("", "the file has no document", 2, "an empty file"),
        ("# only a comment\n---\n", "the file has no document", 2, "comments"),
        ("apiVersion: v1\nkind: List\nitems: []", "the file has no", 2, "no claims"),
        ("apiVersion: v1\nkind: Pod", "nothing to check: ", 1, "another kind"),
        ("a: b", "nothing to check: ", 1, "no manifest"),
        ("- a", "nothing to check: ", 1, "no object"),
    ],
)
def test_a_file_with_nothing_to_check_is_an_error(
    stdin: str, message: str, status: int, why: str
) -> None:
    code, out, _ = run("check", "-", stdin=stdin)
    assert code == status, why
    assert out.startswith(f"-:1: {message}"), why
    code, out, _ = run("check", "-", "-o", "json", stdin=stdin)
    assert (code, len(json.loads(out)["findings"])) == (status, 1), why
    code, out, _ = run("check", "-", "--allow-none", stdin=stdin)
    assert (code, out) == (0, ""), why


def test_other_kinds_do_not_matter_beside_a_claim() -> None:
    pod = "apiVersion: v1\nkind: Pod\n---\n"
    assert run("check", "-", stdin=pod + CLAIM)[::2] == (
        *(0, "1 checked, 1 skipped, 0 wrong\n"),
    )


@pytest.mark.parametrize(
    ("stdin", "field", "why"),
    [
        (
            CLAIM.replace("eu-west-2", "eu-west-9"),
            "spec.parameters.region",
            "of a claim",
        ),
        (
            composition(defaults={"region": "eu-west-9"}),
            "spec.pipeline.0.input.defaults.region",
            "of the defaults",
        ),
    ],
)
def test_a_region_that_does_not_exist_is_a_warning(
    stdin: str, field: str, why: str
) -> None:
    code, out, err = run("check", "-", stdin=stdin)
    assert (code, err) == (0, "1 checked, 0 skipped, 0 wrong, 1 warning\n"), why
    assert f': warning: {field}: got "eu-west-9"; no AWS region' in out, why
    code, out, _ = run("check", "-", "-o", "json", stdin=stdin)
    (finding,) = json.loads(out)["findings"]
    assert (finding["severity"], finding["reason"]) == ("warning", "UnknownRegion")
    assert "eu-west-9" in stdin.splitlines()[finding["line"] - 1]
    code, _, err = run("check", "-", stdin=f"{stdin}---\n{claim(name='x' * 64)}")
    assert (code, "1 wrong, 1 warning" in err) == (1, True)


def test_it_prints_a_line_that_editors_recognize() -> None:
    code, out, err = run("check", "-", stdin=CLAIM.replace("eu-west-2", "Here"))
    (number,) = [n for n, line in enumerate(CLAIM.splitlines(), 1) if "region:" in line]
    assert code == 1
    assert out.startswith(f"-:{number}: WorkloadECRRepo/example-app-ecr-repos: ")
    assert out.count("\n") == 1
    assert err == "1 checked, 0 skipped, 1 wrong\n"


def test_the_position_is_bold_on_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "claim.yaml"
    file.write_text(CLAIM.replace("eu-west-2", "Here"))
    code, out = run_in_terminal("check", str(file))
    assert code == 1
    assert out.startswith(f"\x1b[1m{file}:11:\x1b[0m ")
    assert "\x1b" not in run_script("check", str(file))[1]


def test_it_accepts_all_of_our_manifests_and_skips_other_kinds() -> None:
    files = [*Path("example").glob("*.yaml"), *Path("package").rglob("*.yaml")]
    code, out, _ = run("check", "-o", "json", *map(str, files))
    report = json.loads(out)
    assert (code, report["findings"]) == (0, [])
    assert report["checked"] >= 4
    assert report["skipped"] >= 10


def test_a_claim_and_its_xr_are_no_competitors() -> None:
    code, out, _ = run("check", "example/claim.yaml", "example/xr.yaml")
    assert (code, out) == (0, "")


def test_it_checks_each_item_of_a_list_from_kubectl() -> None:
    items = [yaml.safe_load(CLAIM), yaml.safe_load(CLAIM)]
    items[1]["spec"]["parameters"]["region"] = "Here"
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})
    code, out, err = run("check", "-", stdin=listed)
    assert code == 1
    assert 'got "Here"' in out
    assert err == "2 checked, 0 skipped, 1 wrong\n"


def test_it_checks_claims_with_the_input_of_a_composition(
    composition_file: Callable[..., str],
) -> None:
    file = composition_file(allow={"regions": ["us-*"]})
    args = ("check", "example/claim.yaml", "-o", "json", "--composition", file)
    code, out, _ = run(*args)
    assert code == 1
    assert json.loads(out)["findings"][0]["reason"] == "NotAllowed"


def test_without_a_bundle_only_images_compete(
    composition_file: Callable[..., str],
) -> None:
    # The bundle of x in n is the image of x in n-bundle.
    claims = (
        claim(workloadName="x", namespace="n", name="one")
        + "---\n"
        + claim(workloadName="x", namespace="n-bundle", name="two")
    )
    assert run("check", "-", stdin=claims)[0] == 1
    file = composition_file(bundle=False)
    assert run("check", "-", "--composition", file, stdin=claims)[0] == 0


def test_the_pre_commit_hook_runs() -> None:
    (hook,) = yaml.safe_load(Path(".pre-commit-hooks.yaml").read_text())
    program, *args = hook["entry"].split()
    assert program == SCRIPT.name
    assert run_script(*args, "example/claim.yaml")[0] == 0
    assert run_script(*args, "example/functions.yaml")[0] == 0


def test_it_says_on_which_line_a_file_is_not_yaml() -> None:
    code, out, _ = run("check", "-", stdin="kind: List\nname: {{ .Values.name }}\n")
    assert code == 2
    assert out == (
        "-:2: not YAML: line 2, column 8: found unhashable key. If it is a template, "
        "render it first\n"
    )


@pytest.mark.parametrize(
    ("stdin", "findings", "why"),
    [
        (settings(), [], "they may be empty"),
        (settings(deletion="Nevr"), ["6 InvalidParameters data.deletion"], "a value"),
        (
            settings(bundel=False, allow={"repoPrefixes": ["{ns}"]}),
            [
                "6 InvalidParameters data.bundel",
                "9 InvalidParameters data.allow.repoPrefixes.0",
            ],
            "everything that is wrong",
        ),
        (
            settings(provider=CLASSIC, image={"encryption": {"type": "AES256"}}),
            ["8 InvalidParameters data.image.encryption"],
            "the provider has no such field",
        ),
        (
            settings(image={"encryption": {"type": "AES256"}}),
            [],
            "a Composition may name another provider",
        ),
        (
            settings().replace("apiextensions.crossplane.io", "example.org"),
            ["1 Unusable apiVersion"],
            "another group",
        ),
        (
            settings().replace("v1beta1", "v1"),
            ["1 Unusable apiVersion"],
            "a version that is not served",
        ),
        (
            settings().replace("ecr-repos", "ecr-repo"),
            ["4 Unusable metadata.name"],
            "nearly its name",
        ),
        (
            settings().replace("EnvironmentConfig", "EnvironmentConfg"),
            ["2 Unusable kind"],
            "nearly its kind",
        ),
        (
            settings(bundle=False).replace("\ndata:", "\nspec:"),
            ["5 Unusable spec"],
            "the API server would drop all settings",
        ),
        (
            settings(defaults={"region": "eu-west-9"}),
            ["7 UnknownRegion data.defaults.region"],
            "a warning",
        ),
    ],
)
def test_platform_settings(stdin: str, findings: list[str], why: str) -> None:
    code, out, _ = run("check", "-", "-o", "json", stdin=stdin)
    report = json.loads(out)
    assert report["checked"] == 1
    found = [f"{f['line']} {f['reason']} {f['field']}" for f in report["findings"]]
    assert len(found) == len(findings), why
    assert all(f.startswith(want) for f, want in zip(found, findings, strict=True))
    assert code == any("UnknownRegion" not in each for each in findings)


def test_other_environment_configs_are_skipped() -> None:
    other = settings(team="a").replace("ecr-repos", "networking")
    code, _, err = run("check", "-", "--allow-none", stdin=other)
    assert (code, err) == (0, "0 checked, 1 skipped, 0 wrong\n")


@pytest.mark.parametrize(
    ("before", "after", "code", "why"),
    [
        ("", "", 0, "any region is allowed"),
        (settings(allow={"regions": ["us-*"]}), "", 1, "they apply to later claims"),
        ("", settings(allow={"regions": ["us-*"]}), 0, "not to earlier ones"),
        (settings(allow={"regions": ["us-*"]}, bundle=5), "", 1, "broken"),
    ],
)
def test_platform_settings_apply_to_the_claims_after_them(
    before: str, after: str, code: int, why: str
) -> None:
    stdin = "---\n".join(each for each in (before, CLAIM, after) if each)
    found, out, _ = run("check", "-", stdin=stdin)
    assert found == code, why
    assert ("the platform allows only" in out) == (
        "regions" in before and "5" not in before
    ), why


def test_settings_of_the_command_line_apply_to_all_claims(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(settings(allow={"regions": ["us-*"]}))
    args = ("check", "-", "--settings", str(file))
    code, out, _ = run(*args, stdin=CLAIM)
    assert code == 1
    assert 'the platform allows only "us-*"' in out
    anything = settings(allow={"regions": ["*"]})
    code, _, _ = run(*args, stdin=f"{anything}---\n{CLAIM}")
    assert code == 1, "settings among the files do not replace them"


def test_a_composition_that_requires_settings_needs_them() -> None:
    packaged = "package/configuration/composition.yaml"
    code, out, err = run("check", "-", "--composition", packaged, stdin=CLAIM)
    assert (code, out) == (2, "")
    assert "Add --settings FILE" in err
    shipped = "package/platform/settings.yaml"
    code, _, err = run(
        *("check", "-", "--composition", packaged, "--settings", shipped), stdin=CLAIM
    )
    assert (code, err) == (0, "1 checked, 0 skipped, 0 wrong\n")
    code, _, err = run("check", packaged, "package/configuration-v2/composition.yaml")
    assert (code, err) == (0, "2 checked, 0 skipped, 0 wrong\n")


def test_a_file_without_platform_settings_is_no_settings_file() -> None:
    code, _, err = run("check", "-", "--settings", "example/claim.yaml", stdin=CLAIM)
    assert code == 2
    assert "there is no EnvironmentConfig with the name ecr-repos" in err
