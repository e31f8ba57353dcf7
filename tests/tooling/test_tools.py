"""How the real programs are built, and which versions the documentation names."""

import re
import shutil
from pathlib import Path

import build
import ecr_only
import pytest
import xpkg
import yaml

ROOT = Path(__file__).parents[2]
PINNED = sorted(file.parent.name for file in build.TOOLS.glob("*/go.mod"))
V1 = "github.com/crossplane/crossplane"
PATCH = "github.com/crossplane-contrib/function-patch-and-transform"
# Each row of docs/supported-versions.md: its first words, the file and module that pin
# the version, and the make target that tests it.
ROWS = [
    ("Crossplane", "crossplane-core", f"{V1}/v2", "e2e"),
    ("Crossplane", "crossplane-core-v2.3", f"{V1}/v2", "e2e-versions"),
    ("Crossplane", "crossplane-v1.20", V1, "e2e-versions"),
    ("`crossplane`", "crossplane-cli", "github.com/crossplane/cli/v2", "conformance"),
    ("`crossplane`", "crossplane-v1.20", V1, "conformance"),
    ("`crossplane`", "crank-v1.16", V1, "conformance-full"),
    ("provider-aws ", "provider-aws", ecr_only.CLASSIC, "e2e-classic"),
    ("provider-aws-ecr", "provider-aws-upbound", ecr_only.UPBOUND, "e2e-upbound"),
    ("provider-aws-ecr", "provider-aws-upbound", ecr_only.UPBOUND, "e2e-namespaced"),
    ("function-patch-and-transform", "patch-and-transform", PATCH, "e2e-classic"),
    ("Kyverno", "kyverno", "github.com/kyverno/kyverno", "e2e"),
    ("Kubernetes", "kubernetes", "k8s.io/kubernetes", "e2e"),
]


def pins(tool: str) -> str:
    return (build.TOOLS / tool / "go.mod").read_text()


def pinned(tool: str, module: str) -> str:
    found = re.search(rf"^(?:require )?\s*{module} (v\S+)", pins(tool), re.MULTILINE)
    assert found, (tool, module)
    return found[1]


def targets() -> set[str]:
    text = (ROOT / "Makefile").read_text()
    rules = re.findall(r"^([a-z0-9 -]+):", text, re.MULTILINE)
    return {target for rule in rules for target in rule.split()}


def test_the_table_of_versions_is_what_the_lanes_build() -> None:
    text = (ROOT / "docs/supported-versions.md").read_text()
    table = re.findall(r"^\| (.+) \| (.+) \| `make (.+)` \|$", text, re.MULTILINE)
    *rows, python = table
    assert [row[1:] for row in rows] == [
        (pinned(tool, module), lane) for _, tool, module, lane in ROWS
    ]
    for (program, _, lane), (name, tool, _, _) in zip(rows, ROWS, strict=True):
        assert program.startswith(name)
        assert tool in build.LANES[lane]
    needed = re.search(
        r'^requires-python = ">=(.+)"', (ROOT / "pyproject.toml").read_text(), re.M
    )
    assert needed
    assert python[1:] == (f"{needed[1]} and newer", "test")


def test_the_minimum_versions_of_crossplane_are_those_of_the_packages(
    tmp_path: Path,
) -> None:
    constraints = {"function-ecr-repos": xpkg.metadata()["spec"]["crossplane"]}
    for name in xpkg.CONFIGURATIONS:
        (tmp_path / name).mkdir()
        xpkg.configuration(tmp_path / name, "example.org/f", "", name)
        package = yaml.safe_load((tmp_path / name / "crossplane.yaml").read_text())
        constraints[package["metadata"]["name"]] = package["spec"]["crossplane"]
    text = (ROOT / "docs/supported-versions.md").read_text()
    minima = re.findall(r"^\| `(\S+-ecr-repos)` \| (v\S+) \|", text, re.MULTILINE)
    # -0 includes pre-releases, which the versions of Upbound's builds are.
    assert constraints == {
        package: {"version": f">={version}-0"} for package, version in minima
    }


def test_a_lane_is_a_make_target() -> None:
    assert set(build.LANES) <= targets()


@pytest.mark.parametrize("tool", PINNED)
def test_a_tool_is_built_for_a_lane(tool: str) -> None:
    lanes = [lane for lane, tools in build.LANES.items() if tool in tools]
    assert bool(lanes) != (tool in build.BENCHMARK)


@pytest.mark.parametrize("lane", build.LANES)
def test_a_lane_builds_known_tools_once(lane: str) -> None:
    tools = build.LANES[lane]
    assert set(tools) <= set(PINNED)
    assert len(set(tools)) == len(tools)


@pytest.mark.parametrize(
    ("tool", "module"),
    [(tool, module) for tool, cuts in ecr_only.CUTS.items() for module in cuts],
)
def test_the_modules_that_are_copied_are_checked(tool: str, module: str) -> None:
    replaced = re.search(rf"^replace {module} => (\S+ v\S+)$", pins(tool), re.MULTILINE)
    of = replaced[1] if replaced else f"{module} {pinned(tool, module)}"
    assert bool(replaced) == (module == ecr_only.TERRAFORM)
    assert f"\n{of} h1:" in "\n" + (build.TOOLS / tool / "go.sum").read_text()


REGISTRY = 'import (\n\t"example.org/acm"\n\t"example.org/ecr"\n)\n'


def test_a_registry_keeps_what_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "registry.go"
    file.write_text(REGISTRY)
    ecr_only.keep_lines(file, (r'\t"example.org/(\w+)"',), {"ecr"}.__contains__)
    assert file.read_text() == 'import (\n\t"example.org/ecr"\n)\n'


@pytest.mark.parametrize(
    ("pattern", "wanted", "says"),
    [
        (r'\t"example.com/(\w+)"', {"ecr"}, "matches nothing"),  # it was moved
        (r'\t"example.org/(\w+)"', {"kms"}, "keeps 0 of 2"),  # ours was renamed
        (r'\t"example.org/(\w+)"', {"acm", "ecr"}, "keeps 2 of 2"),  # nothing to cut
    ],
)
def test_a_registry_that_was_changed_is_refused(
    pattern: str, wanted: set[str], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "registry.go"
    file.write_text(REGISTRY)
    with pytest.raises(build.BuildError, match=f"{says} in .*was the provider upgra"):
        ecr_only.keep_lines(file, (pattern,), wanted.__contains__)
    assert file.read_text() == REGISTRY


def test_only_promtool_is_taken_from_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("promtool", "crane"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    assert build.build("promtool") == tmp_path / "promtool"
    assert shutil.which("crane")
    monkeypatch.setattr(
        build, "_Build", lambda name, _: pytest.fail(f"{name} is built")
    )
    with pytest.raises(pytest.fail.Exception, match="crane is built"):
        build.build("crane")


@pytest.mark.parametrize(
    ("tool", "flag"),
    [
        ("crossplane-core", "/v2/pkg/version.version=v2.4.2"),
        ("crossplane-core-v2.3", "/v2/pkg/version.version=v2.3.4"),
        ("crossplane-v1.20", "crossplane/internal/version.version=v1.20.13"),
        ("provider-aws-upbound", "/v2/internal/version.Version=v2.5.0"),
        ("kubernetes", "/version.gitVersion=v1.36.4"),
        ("crane", "-s -w"),  # asks nobody for a version
    ],
)
def test_a_program_that_needs_its_version_is_linked_with_it(
    tool: str, flag: str
) -> None:
    assert build._ldflags(tool).endswith(flag)
