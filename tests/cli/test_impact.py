"""impact: the command, on files of what kubectl and the AWS CLI print."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from function.cli import cluster as kubernetes
from function.cli import ecr
from function.cli.cluster import Read, Wanted
from function.impact.images import ImageCount, Registry
from tests.builders import APIS, CLASSIC, CLUSTER, NAMESPACED, OBSERVE_ONLY, Json
from tests.cli.invocations import composition, run, run_script, settings
from tests.clusters import (
    ACCOUNT,
    DEFINITION,
    PAUSED,
    REGION,
    WORKLOAD,
    listed,
    managed,
    tenants,
)

Write = Callable[..., str]
# docs/impact.md shows it.
TABLE = """\
REPOSITORY  REGION     CLAIM      OUTCOME  IMAGES  SIZE    REASON
tap/shop    eu-west-2  team/shop  deleted  2       2.0 MB  the claim created it
tap/old     eu-west-2  team/shop  kept     1       1.0 MB  the claim did not create it
1 deleted (2 images, 2.0 MB); 1 kept (1 image, 1.0 MB)
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write objects as kubectl does; return the name of the file."""

    def written(*objects: Json, name: str = "objects.json") -> str:
        file = tmp_path / name
        file.write_text(json.dumps(listed(*objects)))
        return str(file)

    return written


def images(tmp_path: Path, **counts: int) -> str:
    """Write images of repositories; return the name of the file."""
    details = [
        {
            "registryId": ACCOUNT,
            "repositoryName": f"tap/{name}",
            "imageDigest": f"sha256:{number}",
            "imageSizeInBytes": 1_000_000,
        }
        for name, count in counts.items()
        for number in range(count)
    ]
    file = tmp_path / "images.json"
    file.write_text(json.dumps({"imageDetails": details}))
    return str(file)


def world(provider: str = CLUSTER) -> list[Json]:
    """A Workload's claim with a created and an adopted repository, and a bystander."""
    return [
        *tenants(provider, owners=(WORKLOAD,), repositories=("tap/shop", "tap/old")),
        *tenants(provider, "other", "elsewhere"),
        managed(provider, "tap/shop"),
        managed(provider, "tap/old", made=False, rights=OBSERVE_ONLY),
        managed(provider, "tap/other", ("elsewhere", "other")),
        DEFINITION,
    ]


def report(*args: str, stdin: str | None = None) -> tuple[int, Any, str]:
    code, out, err = run("impact", *args, "-o", "json", stdin=stdin)
    return code, json.loads(out), err


def outcomes(found: Any) -> dict[str, str]:
    return {r["name"]: r["outcome"] for r in found["repositories"]}


def test_the_table_and_the_exit_status(write: Write, tmp_path: Path) -> None:
    counted = images(tmp_path, shop=2, old=1)
    code, out, err = run(
        *("impact", "namespace", "team", "-f", write(*world()), "--images", counted)
    )
    assert code == 3
    assert out + err == TABLE
    assert err.count("\n") == 1, "the last line"


def test_the_json(write: Write, tmp_path: Path) -> None:
    objects = [*tenants(CLUSTER), managed(CLUSTER, "tap/shop")]
    counted = images(tmp_path, shop=2)
    code, found, err = report(
        *("claim", "shop", "-n", "team", "-f", write(*objects), "--images", counted)
    )
    assert (code, err) == (3, "")
    none = {"repositories": 0, "images": 0, "bytes": 0}
    assert found == {
        "target": {"kind": "claim", "name": "shop", "namespace": "team"},
        "deletesImages": True,
        "repositories": [
            {
                "name": "tap/shop",
                "region": REGION,
                "account": ACCOUNT,
                "claim": {"namespace": "team", "name": "shop"},
                "managedResource": {
                    "apiVersion": CLUSTER,
                    "namespace": "",
                    "name": f"tap-shop-{REGION}",
                    "composedName": "imagerepo",
                },
                "outcome": "deleted",
                "reason": "the claim created it",
                "images": 2,
                "bytes": 2_000_000,
                "deletesImages": True,
            }
        ],
        "totals": {
            "deleted": {"repositories": 1, "images": 2, "bytes": 2_000_000},
            "deletedIfEmpty": none,
            "leftBehind": none,
            "kept": none,
        },
    }


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("args", "want"),
    [
        (["namespace", "team"], {"tap/shop": "deleted", "tap/old": "kept"}),
        (["ns/team"], {"tap/shop": "deleted", "tap/old": "kept"}),
        (["namespace", "empty"], {}),
        (
            ["claim", "shop", "-n", "team"],
            {"tap/shop": "deleted", "tap/old": "kept"},
        ),
        (
            ["workloadecrrepo/shop", "-n", "team"],
            {"tap/shop": "deleted", "tap/old": "kept"},
        ),
        (
            ["workload", "shop", "-n", "team"],
            {"tap/shop": "deleted", "tap/old": "kept"},
        ),
        (["workload", "other", "-n", "team"], {}),
        (
            ["crd", "workloads.carto.run"],
            {"tap/shop": "deleted", "tap/old": "kept"},
        ),
        (
            ["configuration"],
            {"tap/shop": "deleted", "tap/other": "deleted", "tap/old": "kept"},
        ),
        (
            ["xrd", "workloadecrrepos.tap.vrabbi.cloud"],
            {"tap/shop": "deleted", "tap/other": "deleted", "tap/old": "kept"},
        ),
    ],
    ids=" ".join,
)
def test_the_targets(
    write: Write, provider: str, args: list[str], want: dict[str, str]
) -> None:
    code, found, _ = report(*args, "-f", write(*world(provider)))
    assert outcomes(found) == want
    assert code == (3 if "deleted" in want.values() else 0)
    assert all(r["images"] is None for r in found["repositories"])


def test_standard_input_is_a_file() -> None:
    objects = json.dumps(listed(*world()))
    _, found, _ = report("namespace", "team", "-f", "-", stdin=objects)
    assert outcomes(found) == {"tap/shop": "deleted", "tap/old": "kept"}


def test_unknown_images_may_be_there(write: Write) -> None:
    file = write(*tenants(CLUSTER), managed(CLUSTER, "tap/shop"))
    code, out, err = run("impact", "namespace", "team", "-f", file)
    assert code == 3
    assert "deleted  unknown  unknown  the claim created it" in out
    assert err == "1 deleted (images unknown)\n"


def test_no_image_is_status_0(write: Write, tmp_path: Path) -> None:
    file = write(*tenants(CLUSTER), managed(CLUSTER, "tap/shop"))
    empty = tmp_path / "empty.json"
    empty.write_text('{"imageDetails": []}')
    code, out, _ = run(
        *("impact", "namespace", "team", "-f", file, "--images", f"tap/shop={empty}")
    )
    assert code == 0
    assert "the claim created it, and it is empty" in out


def test_without_force_delete_only_an_empty_one_goes(
    write: Write, tmp_path: Path
) -> None:
    file = write(*tenants(CLUSTER), managed(CLUSTER, "tap/shop", force=False))
    code, found, _ = report("namespace", "team", "-f", file)
    assert (code, outcomes(found)) == (0, {"tap/shop": "deletedIfEmpty"})
    counted = images(tmp_path, shop=1)
    code, found, _ = report("namespace", "team", "-f", file, "--images", counted)
    assert (code, outcomes(found)) == (0, {"tap/shop": "kept"})


def test_what_is_paused_is_left_behind_and_stops_a_pipeline(write: Write) -> None:
    paused = managed(CLUSTER, "tap/shop", annotations=PAUSED)
    code, found, _ = report("namespace", "team", "-f", write(*tenants(CLUSTER), paused))
    assert (code, outcomes(found)) == (3, {"tap/shop": "leftBehind"})


@pytest.mark.parametrize(
    ("args", "note"),
    [
        (["namespace", "team"], "delete the XRs first, then the namespace"),
        (["configuration"], "go now, or when the package is installed again"),
        (["claim", "shop", "-n", "team"], ""),
    ],
)
def test_what_is_surprising_is_a_note(write: Write, args: list[str], note: str) -> None:
    _, _, err = report(*args, "-f", write(*world(NAMESPACED)))
    assert note in err
    assert bool(note) == bool(err)


def test_files_without_managed_resources_are_refused(write: Write) -> None:
    """Otherwise nothing would be deleted, and the exit status would be 0."""
    file = write(*tenants(CLUSTER, repositories=("tap/shop",)))
    code, out, err = run("impact", "namespace", "team", "-f", file)
    assert (code, out) == (2, "")
    assert "there is no managed resource of the repository tap/shop of the claim" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "missing argument TYPE: namespace, workload,"),
        (["namespace"], "missing argument NAME: which namespace?"),
        (["claim/"], "missing argument NAME: which claim?"),
        (["configuration", "x"], "configuration has no NAME"),
        (["settings"], "settings needs --settings"),
        (["namespace", "x", "--prefix", "tap"], "need --leftovers"),
        (["namespace", "x", "--region", "tap"], "need --leftovers"),
        (["namespace", "x", "--settings", "S"], "need the type settings"),
        (["namespace", "x", "-f", "-", "--context", "y"], "use either -f, or"),
        (["--leftovers"], "needs either --aws or --repositories"),
        (["--leftovers", "--aws", "--repositories", "x"], "needs either --aws or"),
        (["--leftovers", "--aws", "namespace"], "has no TYPE and no NAME"),
        (["--leftovers", "--repositories", "x", "--region", "y"], "needs --aws"),
        (["claim", "nope", "-f", "F"], "there is no claim nope in namespace default"),
        (["wrkload", "x", "-f", "F"], "no claim has an owner of the kind wrkload"),
        (["crd", "x", "-f", "F"], "there is no CustomResourceDefinition x"),
        (["namespace", "x", "-f", "nope"], "nope: No such file"),
        (["namespace", "x", "-f", "F", "--images", "nope"], "nope: No such file"),
    ],
)
def test_a_mistake_is_status_2_and_one_line(
    write: Write, tmp_path: Path, args: list[str], message: str
) -> None:
    valid = tmp_path / "settings.yaml"
    valid.write_text(settings())
    files = {"F": write(*world()), "S": str(valid)}
    code, out, err = run("impact", *(files.get(each, each) for each in args))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_text_of_tenants_is_safe_in_a_terminal(write: Write) -> None:
    hostile = managed(CLUSTER, "tap/shop")
    hostile["metadata"]["annotations"]["crossplane.io/external-name"] = "x\x1b[2J"
    hostile["spec"]["forProvider"]["region"] = "\x9b2J"
    hostile["metadata"]["labels"]["crossplane.io/claim-name"] = "\x1b]0;x\x07"
    code, out, err = run("impact", "namespace", "team", "-f", write(hostile))
    assert code == 3
    assert out.isascii()
    assert not any(ord(c) < 32 and c != "\n" for c in out + err)


# The cluster and ECR


@pytest.fixture
def in_cluster(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let the cluster be world(); return the calls that read it."""
    calls: list[Any] = []

    def read(
        kubeconfig: str | None, context: str | None, wanted: Wanted, _: Any
    ) -> Read:
        calls.append((kubeconfig, context, wanted))
        platform = json.loads(json.dumps({"kind": "EnvironmentConfig"}))
        platform |= {
            "metadata": {"name": "ecr-repos"},
            "data": {
                "allow": {"repoPrefixes": ["tap/{namespace}"]},
                "defaults": {"repoPrefix": "tap"},
            },
        }
        return Read([*world(), *([platform] if wanted.settings else [])], "team")

    monkeypatch.setattr(kubernetes, "read", read)
    return calls


class Registries:
    """ECR that counts two images in each repository."""

    def counts(self, registries: list[Registry]) -> Any:
        for registry in registries:
            known = registry.name != "tap/old"
            yield registry, ImageCount(2, 10) if known else None

    def repositories(self, regions: list[str]) -> list[Registry]:
        return [
            Registry(f"tap/{name}", region, ACCOUNT)
            for region in regions
            for name in ("shop", "old", "other", "forgotten")
        ]


@pytest.fixture
def in_ecr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ECR be Registries."""
    monkeypatch.setattr(ecr, "connect", lambda _: Registries())


def test_a_cluster_is_read_if_there_are_no_files(in_cluster: list[Any]) -> None:
    code, found, _ = report("claim", "shop", "--context", "c", "--kubeconfig", "k")
    assert code == 3
    assert found["target"]["namespace"] == "team", "that of the context"
    assert in_cluster == [("k", "c", Wanted())]


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["namespace", "team"], Wanted(namespace="team")),
        (["crd", "workloads.carto.run"], Wanted("workloads.carto.run")),
        (["crd", "workloadecrrepos.tap.vrabbi.cloud"], Wanted()),
        (["workload", "shop"], Wanted()),
    ],
)
def test_no_more_is_read_than_is_needed(
    in_cluster: list[Any], args: list[str], wanted: Wanted
) -> None:
    report(*args)
    assert in_cluster == [(None, None, wanted)]


def test_the_revisions_are_read_unless_there_is_a_composition(
    in_cluster: list[Any], tmp_path: Path
) -> None:
    files = {"settings": settings(), "composition": composition()}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    arguments = ["settings", "--settings", str(tmp_path / "settings")]
    report(*arguments)
    report(*arguments, "--composition", str(tmp_path / "composition"))
    wanted = [each for _, _, each in in_cluster]
    assert wanted == [Wanted(revisions=True), Wanted()]


def test_in_a_cluster_without_a_provider_the_repositories_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objects = tenants(CLASSIC, repositories=("tap/shop",))
    monkeypatch.setattr(kubernetes, "read", lambda *_: Read(objects, "team"))
    code, found, _ = report("claim", "shop")
    assert (code, outcomes(found)) == (0, {"tap/shop": "kept"})
    (only,) = found["repositories"]
    assert only["reason"] == "it has no managed resource in this cluster"


@pytest.mark.usefixtures("in_cluster", "in_ecr")
def test_images_are_counted_in_ecr() -> None:
    code, found, _ = report("namespace", "team", "--aws")
    assert code == 3
    counts = {r["name"]: r["images"] for r in found["repositories"]}
    assert counts == {"tap/shop": 2, "tap/old": None}
    assert found["totals"]["kept"] == {"repositories": 1, "images": None, "bytes": None}


@pytest.mark.usefixtures("in_cluster", "in_ecr")
def test_leftovers_in_ecr_are_under_the_prefixes_of_the_settings() -> None:
    code, found, _ = report("--leftovers", "--aws")
    assert code == 0
    (only,) = found["repositories"]
    assert (only["name"], only["outcome"]) == ("tap/forgotten", "leftBehind")
    assert (only["claim"], only["managedResource"]) == (None, None)
    assert found["target"] == {"kind": "leftovers"}
    _, found, _ = report("--leftovers", "--aws", "--region", "us-east-1")
    assert len(found["repositories"]) == 4
    _, found, _ = report("--leftovers", "--aws", "--prefix", "team")
    assert found["repositories"] == []


def test_leftovers_in_files(write: Write, tmp_path: Path) -> None:
    file = tmp_path / "repositories.json"
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/tap/forgotten"
    listing = {"repositoryName": "tap/forgotten", "repositoryArn": arn}
    file.write_text(json.dumps({"repositories": [listing]}))
    args = ["--leftovers", "--repositories", str(file), "-f", write(*world())]
    counted = images(tmp_path, forgotten=1)
    code, found, _ = report(*args, "--prefix", "tap", "--images", counted)
    assert (code, outcomes(found)) == (0, {"tap/forgotten": "leftBehind"})
    assert found["repositories"][0]["images"] == 1
    code, _, err = run("impact", *args)
    assert code == 2
    assert "have no repoPrefix. Add --prefix" in err


def test_ctrl_c_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kubernetes, "read", interrupted)
    code, out, err = run("impact", "namespace", "team")
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def test_the_installed_script_reads_a_kubeconfig(tmp_path: Path) -> None:
    """And says on one line that there is none."""
    file = str(tmp_path / "nope")
    code, out, err = run_script("impact", "namespace", "x", "--kubeconfig", file)
    assert (code, out) == (2, "")
    assert "cannot read the cluster" in err
    assert err.count("\n") == 1
