"""A workload with more repositories than its image and its bundle."""

import contextlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import apis
import claims
import yaml
from build import build
from processes import answers, free_port
from system import ROOT, System

PAGE = ROOT / "docs/named-repositories.md"
EXAMPLE: dict[str, Any] = yaml.safe_load(
    (ROOT / "example/how-to/named-repositories.yaml").read_text()
)["data"]
KEYS = {"image", "bundle", "cache", "chart", "sbom", "worker", "migrations"}


def _names(workload: str) -> dict[str, str]:
    """Return the names of a workload's repositories by key, as the page says."""
    own = f"{claims.PREFIX}/default/{workload}"
    return {
        "image": own,
        "chart": f"{claims.PREFIX}-charts/default/{workload}",
        **{key: f"{own}/{key}" for key in KEYS - {"image", "chart"}},
    }


def _claim(workload: str, *added: str) -> dict[str, Any]:
    own = claims.manifest(workload)
    own["spec"]["parameters"]["repositories"] = list(added)
    return own


def _reported(system: System, workload: str) -> dict[str, str]:
    """Return the names in the status of a claim, by key."""
    status = (claims.claim(system, workload) or {}).get("status") or {}
    return {k: r["name"] for k, r in status.get("repositories", {}).items()}


def test_a_workload_has_all_its_repositories(system: System) -> None:
    """Seven of them, and on Upbound's APIs one more, which existed before."""
    names = _names("many")
    created = {*names.values()}
    allow = dict(EXAMPLE["allow"])
    with contextlib.ExitStack() as stack:
        own = _claim("many", "worker", "migrations")
        if system.api is not apis.CLASSIC:
            names["existing"] = "team/base"
            allow["existingNames"] = ["team/*"]
            own["spec"]["parameters"]["existingName"] = "team/base"
            system.ecr.create_repository(repositoryName="team/base")
            claims.push(system, "team/base")
            stack.callback(
                system.ecr.delete_repository, repositoryName="team/base", force=True
            )
        stack.enter_context(system.with_settings(**{**EXAMPLE, "allow": allow}))
        if not system.api.namespaced:
            own["spec"]["writeConnectionSecretToRef"] = {"name": "many-ecr"}
        system.kubectl.apply(own)
        claims.wait_ready(system, "many")
        assert _reported(system, "many") == names

        found = {
            r["repositoryName"]: r["imageTagMutability"]
            for r in system.ecr.describe_repositories(
                repositoryNames=[*names.values()]
            )["repositories"]
        }
        assert found.pop(names["cache"]) == "MUTABLE"
        assert found.pop(names.get("existing", ""), "MUTABLE") == "MUTABLE"
        assert {*found.values()} == {"IMMUTABLE"}
        lifecycle = system.wait(
            "ECR has the lifecycle policy",
            lambda: _lifecycle(system, names["cache"]),
        )
        assert lifecycle["rules"][0]["selection"]["countNumber"] == 20
        for name in {*names.values()} - {names["cache"]}:
            assert not _lifecycle(system, name), "the others have no such policy"

        table = system.kubectl("get", "workloadecrrepos", "many", "-o", "wide")
        assert all(f"/{name}" in table for name in names.values()), table
        if not system.api.namespaced:
            secret = system.wait(
                "the connection secret has all URIs",
                lambda: _complete(system.kubectl.get("secret", "many-ecr"), names),
            )
            assert {*secret["data"]} == {
                "region",
                *(f"{key}RepositoryUri" for key in names),
            }

        claims.push(system, names["cache"], names["worker"], names["image"])
        claims.delete(system, "many")
        claims.wait_gone(system, *created)
        if "existing" in names:
            kept = claims.contents(system, {names["existing"]})
            assert claims.images(kept) == 1


def test_what_nobody_requests_any_more_is_kept(system: System) -> None:
    names = _names("fewer")
    with system.with_settings(**EXAMPLE):
        system.kubectl.apply(_claim("fewer", "worker", "migrations"))
        claims.wait_ready(system, "fewer")
        policy = system.wait(
            "ECR has the lifecycle policy",
            lambda: _lifecycle(system, names["cache"]),
        )
    claims.push(system, names["cache"], names["worker"])
    # Other settings, without all of these: another template too.
    with system.with_settings(
        repository={"lifecycle": {"keepLast": 1}},
        allow={"repositories": ["worker"]},
    ):
        system.kubectl.apply(_claim("fewer", "worker"))

        def kept() -> str | None:
            message = str(claims.ready_condition(system, "fewer").get("message"))
            return message if "is no longer in `repositories`" in message else None

        message = system.wait("the claim names what is kept", kept, claims.HEALS_S)
        for key in ("cache", "chart", "sbom", "migrations"):
            assert f"({key} is no longer in `repositories`)" in message
        assert _reported(system, "fewer") == names, "nothing moved"
        system.wait(
            "a repository that is requested has the new options",
            lambda: _lifecycle(system, names["worker"]),
        )
        assert _lifecycle(system, names["cache"]) == policy, "the old options"
        contents = claims.contents(system, {names["cache"], names["worker"]})
        assert claims.images(contents) == 2

        # The command in the message deletes one of them, and it stays deleted.
        commands = re.findall(
            r"kubectl delete (\S+(?: -n \S+)? sbom-\S+?)(?:;|$)", message
        )
        (command,) = commands
        system.kubectl("delete", *command.split())
        claims.wait_gone(system, names.pop("sbom"))
        system.wait(
            "the claim knows no other",
            lambda: _reported(system, "fewer") == names,
            claims.HEALS_S,
        )
        claims.wait_ready(system, "fewer")
    claims.delete(system, "fewer")
    claims.wait_gone(system, *names.values())


def test_helm_pushes_to_the_repository_of_a_chart(
    system: System, tmp_path: Path
) -> None:
    """Helm decides on the last segment. The registry accepts any path, and lists it."""
    names = _names("charted")
    with system.with_settings(**EXAMPLE):
        system.kubectl.apply(_claim("charted"))
        claims.wait_ready(system, "charted")
        path = _reported(system, "charted")["chart"]
        assert path == names["chart"]
        (told,) = re.findall(r"`helm push \S+ oci://HOST/(\S+)`", PAGE.read_text())
        folder = told.replace("tap", claims.PREFIX).replace("/dev", "/default")
        assert path.rpartition("/")[0] == folder

        host = f"127.0.0.1:{free_port()}"
        registry = system.programs.start(
            *("charts", build("crane"), "registry", "serve", f"--address={host}")
        )
        system.wait("the registry responds", lambda: answers(f"http://{host}/v2/"))
        helm = build("helm")
        subprocess.run([helm, "create", "charted"], cwd=tmp_path, check=True)
        subprocess.run([helm, "package", "charted"], cwd=tmp_path, check=True)
        (package,) = tmp_path.glob("charted-*.tgz")
        subprocess.run(
            [helm, "push", "--plain-http", package, f"oci://{host}/{folder}"],
            check=True,
        )
        listed = subprocess.run(
            [build("crane"), "catalog", "--insecure", host],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert listed == [path]
        registry.stop()
        claims.delete(system, "charted")
        del names["worker"], names["migrations"]
        claims.wait_gone(system, *names.values())


def _lifecycle(system: System, name: str) -> dict[str, Any]:
    """Return a repository's lifecycle policy; empty for none."""
    try:
        found = system.ecr.get_lifecycle_policy(repositoryName=name)
    except system.ecr.exceptions.LifecyclePolicyNotFoundException:
        return {}
    policy: dict[str, Any] = json.loads(found["lifecyclePolicyText"])
    return policy


def _complete(
    secret: dict[str, Any] | None, names: dict[str, str]
) -> dict[str, Any] | None:
    return secret if secret and len(secret.get("data", {})) > len(names) else None
