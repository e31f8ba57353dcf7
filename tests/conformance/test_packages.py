"""Build packages with the real CLI: reproducible, multi-architecture, described."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import make as images
import push
import pytest
import xpkg
import yaml
from build import build
from processes import Programs, answers, free_port

ORGANISATION = "acme"
# The annotation that tells Crossplane the type of a layer.
LAYER = "io.crossplane.xpkg"


@pytest.fixture
def registry() -> Iterator[str]:
    programs = Programs("registry")
    address = f"127.0.0.1:{free_port()}"
    programs.start(
        "registry", build("crane"), "registry", "serve", f"--address={address}"
    )
    try:
        programs.wait("it answers", lambda: answers(f"http://{address}/v2/"))
        yield f"{address}/{ORGANISATION}"
    finally:
        programs.close()


def runtime(file: Path, architecture: str) -> Path:
    """Write an empty image in the format of `docker save`."""
    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").close()
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/function"]},
        "rootfs": {"type": "layers", "diff_ids": [xpkg.sha256(layer.getvalue())]},
    }
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    contents = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer.getvalue(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    with tarfile.open(file, "w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file


def build_all(directory: Path, organisation: str) -> dict[str, bytes]:
    """Build every package into a new directory, and return the files."""
    dist, roots = directory / "dist", directory / "roots"
    for made in (dist, roots, roots / "function"):
        made.mkdir(parents=True)
    xpkg.function(roots / "function")
    for architecture in ("amd64", "arm64"):
        tarball = runtime(roots / f"{architecture}.tar", architecture)
        xpkg.build_package(
            dist / f"function-ecr-repos-{architecture}.xpkg",
            roots / "function",
            *("--examples-root", xpkg.ROOT / "example"),
            *("--embed-runtime-image-tarball", tarball),
        )
    for name in xpkg.CONFIGURATIONS:
        (roots / name).mkdir()
        xpkg.configuration(
            roots / name,
            f"{organisation}/function-ecr-repos",
            "example.org/acme/provider-aws",
            name,
        )
        xpkg.build_package(dist / f"{name}-ecr-repos.xpkg", roots / name)
    return {file.name: file.read_bytes() for file in dist.iterdir()}


def test_two_builds_are_identical(tmp_path: Path) -> None:
    first = build_all(tmp_path / "first", "example.org/acme")
    second = build_all(tmp_path / "second", "example.org/acme")
    assert len(first) == 4
    assert first == second


def test_the_function_is_pushed_as_one_package_of_both_architectures(
    tmp_path: Path, registry: str
) -> None:
    build_all(tmp_path, registry)
    pushed = push.push(tmp_path / "dist", registry, ["amd64", "arm64"])
    tags = [
        push.reference(registry, name) for name in ("function", *xpkg.CONFIGURATIONS)
    ]
    assert [p.partition("@")[0] for p in pushed] == [
        tag.rpartition(":")[0] for tag in tags
    ]

    kept = tmp_path / "dist"
    assert (kept / "pushed.txt").read_text().split() == pushed
    assert (kept / "checksums.txt").read_text().split() == [
        part for p in pushed for part in reversed(p.partition("@sha256:")[::2])
    ]

    def manifest(reference: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            images.run(build("crane"), "manifest", reference)
        )
        return found

    index = manifest(tags[0])
    platforms = {
        (m["platform"]["os"], m["platform"]["architecture"]) for m in index["manifests"]
    }
    assert platforms == {("linux", "amd64"), ("linux", "arm64")}
    for member in index["manifests"]:
        layers = manifest(f"{tags[0].rpartition(':')[0]}@{member['digest']}")["layers"]
        kinds = [(each.get("annotations") or {}).get(LAYER) for each in layers]
        # crossplane.yaml and the CRD of the input, the examples, the image's layer.
        assert sorted(map(str, kinds)) == ["None", "base", "upbound"]


def test_a_release_needs_both_architectures(tmp_path: Path, registry: str) -> None:
    build_all(tmp_path, registry)
    (tmp_path / "dist/function-ecr-repos-arm64.xpkg").unlink()
    with pytest.raises(images.ImageError, match=r"arm64\.xpkg: `make xpkg` first"):
        push.push(tmp_path / "dist", registry, ["amd64", "arm64"])


def test_both_packages_describe_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE", "https://example.org/acme/function-ecr-repos")
    build_all(tmp_path, "example.org/acme")
    wanted = {
        f"meta.crossplane.io/{of}"
        for of in ("maintainer", "source", "license", "description", "readme")
    }
    for name in ("function", "configuration"):
        meta = yaml.safe_load(
            (tmp_path / "roots" / name / "crossplane.yaml").read_text()
        )
        assert set(meta["metadata"]["annotations"]) == wanted, name


def manifests(package: Path) -> list[dict[str, Any]]:
    """Return what a package file gives to Crossplane: its package.yaml."""
    with tarfile.open(package) as image:
        (manifest,) = json.load(image.extractfile("manifest.json") or io.BytesIO())
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=image.extractfile(name)) as layer:
                if "package.yaml" in layer.getnames():
                    stream = layer.extractfile("package.yaml")
                    assert stream
                    return [d for d in yaml.safe_load_all(stream) if d]
    raise AssertionError(f"{package} has no package.yaml")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("configuration", []),
        ("configuration-v2", ["ManagedResourceActivationPolicy"]),
    ],
)
def test_a_configuration_holds_every_manifest_of_its_directory(
    tmp_path: Path, name: str, more: list[str]
) -> None:
    build_all(tmp_path, "example.org/acme")
    held = manifests(tmp_path / "dist" / f"{name}-ecr-repos.xpkg")
    expected = ["CompositeResourceDefinition", "Composition", "Configuration", *more]
    assert sorted(manifest["kind"] for manifest in held) == expected
    sources = {file.name for file in (xpkg.PACKAGE / name).iterdir()}
    packaged = {file.name for file in (tmp_path / "roots" / name).iterdir()}
    assert packaged == {*sources, "crossplane.yaml"}
