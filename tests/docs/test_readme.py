"""The YAML in the README is valid and matches the package."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import struct_pb2 as structpb

from function.api.input import parse_input

INPUT = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}
README = Path("README.md").read_text()
INSTALL_PAGES = (
    "install-upbound-v2.md",
    "install-upbound-claims.md",
    "install-classic-claims.md",
    "air-gapped.md",
)
# The sections of the install pages that do not depend on the provider.
SHARED = (
    "2. Write the IAM policy",
    "3. Create the IAM role",
    "5. Add a pull secret",
    "9. Create claims with Kyverno",
    "Upgrade",
    "Use the function in your own Composition",
)
BLOCKS = [
    yaml.safe_load(block)
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    if "…" not in block
]


def block(key: str) -> Any:
    (found,) = [b[key] for b in BLOCKS if key in b]
    return found


def test_the_settings_are_valid() -> None:
    struct = structpb.Struct()
    struct.update({**INPUT, **block("data")})
    parsed = parse_input(struct)
    assert parsed.allow.regions == ["eu-*"]
    assert parsed.defaults.region == "eu-west-2"


def test_the_composition_is_the_one_in_the_example() -> None:
    example = yaml.safe_load(Path("example/composition.yaml").read_text())
    (shown,) = [b["spec"] for b in BLOCKS if "pipeline" in b.get("spec", {})]
    assert shown == example["spec"]


def test_the_badge_shows_the_version() -> None:
    version = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    badge = Path("docs/pictures/version.svg").read_text()
    assert badge.count(f">v{version}<") == 1
    assert f"version: v{version}" in badge


def test_the_install_pages_install_this_version() -> None:
    version = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    for page in INSTALL_PAGES:
        assert f"VERSION=v{version}\n" in (Path("docs") / page).read_text(), page


def test_the_warning_is_the_same_everywhere() -> None:
    """Readers see it before they install anything."""
    warning, rest = README.split("## Install\n\n")[1].split("\n\n| You have")
    assert rest
    assert "**with all their images**" in warning
    for page in ("install.md", *INSTALL_PAGES):
        text = (Path("docs") / page).read_text()
        before = text.partition("\n## ")[0]
        assert warning.replace("](docs/", "](") in before, page


@pytest.mark.parametrize("page", INSTALL_PAGES)
def test_the_install_pages_agree(page: str) -> None:
    """Sections with the same text on all pages are copies: change all of them."""
    first = sections(INSTALL_PAGES[0])
    here = sections(page)
    for heading in SHARED:
        assert here[heading] == first[heading], f"{page}: {heading}"
    if page == "air-gapped.md":
        for heading in here.keys() - {"Before you begin", "1. Get the packages"}:
            assert here[heading] == first[heading], f"{page}: {heading}"


def sections(page: str) -> dict[str, str]:
    """Return the text under each heading of the second level of an install page."""
    text = re.sub(r"^\[.*\]: .*\n", "", (Path("docs") / page).read_text(), flags=re.M)
    # Crossplane looks for the pull secret of the mirror, not of the original.
    text = text.replace(
        "prefix: $MIRROR/\n  registry:", "prefix: $REGISTRY/\n  registry:"
    )
    text = text.replace("${MIRROR%%", "${REGISTRY%%")
    parts = re.split(r"^## (.*)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
