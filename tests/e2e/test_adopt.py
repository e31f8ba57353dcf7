"""Move existing repositories to claims with `function-ecr-repos adopt`.

The repositories hold images, and have policies and tags. A small program stands in for
Terraform: it prints a state in the documented formats, and records what it must forget.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import claims
import pytest
from apis import CLASSIC
from blocks import Block, blocks, run
from providers import CONFIG
from system import REGION, System

PAGE = "docs/move-from-terraform.md"
BLOCKS = [b for b in blocks() if b.mark == "run: tests/e2e/test_adopt.py"]
NAMESPACE = "moving"
# Where the page keeps its files.
FILES = "/tmp/move"  # noqa: S108
WORKLOADS = ("cart", "shop", "till")
# A name that no claim computes.
BASE = "team/base"
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
            "action": {"type": "expire"},
        }
    ]
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "pull",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
            "Action": "ecr:BatchGetImage",
        }
    ],
}
TERRAFORM = """#!/bin/bash
case "$*" in
  "show -json") cat "{0}/shown.json" ;;
  "state pull") cat "{0}/pulled.json" ;;
  "state rm "*) printf '%s\\n' "${{@:3}}" >> "{0}/forgotten" ;;
  *) echo "no such command: $*" >&2; exit 64 ;;
esac
"""
Json = dict[str, Any]


def create(system: System, *names: str) -> None:
    """Create repositories as a team's Terraform does, each with an image."""
    for name in names:
        system.ecr.create_repository(
            repositoryName=name,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            tags=[{"Key": "team", "Value": "shop"}, {"Key": "cost", "Value": "7"}],
        )
        system.ecr.put_lifecycle_policy(
            repositoryName=name, lifecyclePolicyText=json.dumps(LIFECYCLE)
        )
        system.ecr.set_repository_policy(
            repositoryName=name, policyText=json.dumps(POLICY)
        )
    claims.push(system, *names)


def snapshot(system: System, names: set[str]) -> dict[str, Json]:
    """Return all that ECR knows about repositories."""
    ecr, found = system.ecr, {}
    for name, (created, images) in claims.contents(system, names).items():
        (described,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        tags = ecr.list_tags_for_resource(resourceArn=described["repositoryArn"])
        lifecycle = ecr.get_lifecycle_policy(repositoryName=name)
        policy = ecr.get_repository_policy(repositoryName=name)
        found[name] = {
            "created": created,
            "images": images,
            "described": described,
            "lifecycle": json.loads(lifecycle["lifecyclePolicyText"]),
            "policy": json.loads(policy["policyText"]),
            "tags": {tag["Key"]: tag["Value"] for tag in tags["tags"]},
        }
    return found


def kept(system: System, before: dict[str, Json]) -> dict[str, Json]:
    """Return what ECR must still know of repositories that were adopted."""
    if system.api is not CLASSIC:
        return before
    return {name: {**found, "tags": {}} for name, found in before.items()}


def attributes(system: System, name: str) -> Json:
    """Return what Terraform's AWS provider 5 keeps of a repository."""
    (found,) = system.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return {
        "arn": found["repositoryArn"],
        "id": name,
        "name": name,
        "registry_id": found["registryId"],
        "repository_url": found["repositoryUri"],
        "force_delete": None,
    }


def resources(
    system: System, workloads: tuple[str, ...]
) -> list[tuple[str, str, Json]]:
    """Return module, type and attributes of all that a team's Terraform has."""
    found = [("", "aws_ecr_repository", attributes(system, BASE))]
    for workload in workloads:
        for name in sorted(claims.names(workload, NAMESPACE)):
            module = name.rpartition("/")[2].replace(f"-{NAMESPACE}", "")
            module = f'module.ecr["{module}"]'
            of = {"repository": name, "policy": "{}", "id": name}
            found += [
                (module, "aws_ecr_repository", attributes(system, name)),
                (module, "aws_ecr_lifecycle_policy", of),
                (module, "aws_ecr_repository_policy", of),
            ]
    return found


def address(module: str, kind: str) -> str:
    return f"{module}.{kind}.this[0]" if module else f"{kind}.this[0]"


def shown(found: list[tuple[str, str, Json]]) -> Json:
    """Return a state as `terraform show -json` prints it."""

    def of_module(module: str) -> list[Json]:
        return [
            {
                "address": address(each, kind),
                "mode": "managed",
                "type": kind,
                "name": "this",
                "index": 0,
                "provider_name": "example.org/hashicorp/aws",
                "schema_version": 0,
                "values": values,
                "sensitive_values": {},
            }
            for each, kind, values in found
            if each == module
        ]

    modules = sorted({module for module, _, _ in found if module})
    return {
        "format_version": "1.0",
        "terraform_version": "1.9.8",
        "values": {
            "root_module": {
                "resources": of_module(""),
                "child_modules": [
                    {"address": module, "resources": of_module(module)}
                    for module in modules
                ],
            }
        },
    }


def pulled(found: list[tuple[str, str, Json]]) -> Json:
    """Return the same state as `terraform state pull` prints it."""
    return {
        "version": 4,
        "terraform_version": "1.9.8",
        "serial": 3,
        "lineage": "3f0c5c2e-4f5f-0d5c-3b0e-5f2d3c4b5a69",
        "outputs": {},
        "resources": [
            {
                **({"module": module} if module else {}),
                "mode": "managed",
                "type": kind,
                "name": "this",
                "provider": 'provider["example.org/hashicorp/aws"]',
                "instances": [
                    {"index_key": 0, "schema_version": 0, "attributes": values}
                ],
            }
            for module, kind, values in found
        ],
        "check_results": None,
    }


def adopt(*args: object) -> tuple[int, str, str]:
    """Run the command; return its status, output and errors."""
    program = Path(sys.executable).with_name("function-ecr-repos")
    done = subprocess.run(
        [program, "adopt", *map(str, args)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def moving(system: System) -> Iterator[System]:
    """The system with a namespace for the claims."""
    system.kubectl("create", "namespace", NAMESPACE)
    yield system
    claims.remove_namespaces(system, NAMESPACE)


def follow(system: System, block: Block, files: Path, programs: Path) -> None:
    """Run a block of the page with another directory for its files."""
    environment = system.environment()
    path = f"{programs}:{environment['PATH']}"
    text = block.text.replace(FILES, str(files))
    run(replace(block, text=text), **{**environment, "PATH": path})


def test_moving_from_terraform_keeps_images_policies_and_tags(
    moving: System, tmp_path: Path
) -> None:
    """Follow docs/move-from-terraform.md, then delete the claims again."""
    system = moving
    adopted = set[str]().union(*(claims.names(w, NAMESPACE) for w in WORKLOADS))
    create(system, BASE, *sorted(adopted))
    before = snapshot(system, {BASE, *adopted})
    assert len(before) == 7
    assert all(found["images"] for found in before.values())
    state = resources(system, WORKLOADS)
    (tmp_path / "shown.json").write_text(json.dumps(shown(state)))
    (tmp_path / "pulled.json").write_text(json.dumps(pulled(state)))
    terraform = tmp_path / "bin/terraform"
    terraform.parent.mkdir()
    terraform.write_text(TERRAFORM.format(tmp_path))
    terraform.chmod(0o755)

    assert {str(b.page) for b in BLOCKS} == {PAGE}
    files = tmp_path / "move"
    for block in BLOCKS:
        follow(system, block, files, terraform.parent)
    forgotten = (tmp_path / "forgotten").read_text().splitlines()
    assert sorted(forgotten) == sorted(address(m, k) for m, k, _ in state if m)
    found = adopt(
        files / "backup.tfstate",
        *("--settings", files / "settings.yaml"),
        *("--namespaces", files / "namespaces.txt"),
    )
    assert found[1] == (files / "claims.yaml").read_text(), "both formats are one"

    names = [f"{workload}-ecr-repos" for workload in WORKLOADS]
    assert all(claims.is_ready(system, name, NAMESPACE) for name in names)
    after = kept(system, before)
    after[BASE] = before[BASE]
    assert snapshot(system, {*before}) == after
    assert adopted <= claims.not_deletable(system)
    claims.delete(system, *names, namespace=NAMESPACE)
    claims.wait_gone(system, *adopted, but=frozenset(adopted))
    assert snapshot(system, {*before}) == after
    for name in before:
        system.ecr.delete_repository(repositoryName=name, force=True)


def test_repositories_that_the_aws_cli_lists_are_adopted(
    moving: System, tmp_path: Path
) -> None:
    """Of two pages, with a bundle that is missing and a name with two meanings."""
    system = moving
    image, bundle = sorted(claims.names("desk", NAMESPACE))
    unclear = f"{claims.PREFIX}/a-b-{NAMESPACE}"
    create(system, image, unclear)
    before = snapshot(system, {image, unclear})
    files = []
    for number, name in enumerate(before):
        page = system.ecr.describe_repositories(repositoryNames=[name])
        page |= {"nextToken": "x"} if number == 0 else {}
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(page, default=str))
    namespaces = tmp_path / "namespaces"
    namespaces.write_text(f"namespace/{NAMESPACE}\nnamespace/b-{NAMESPACE}\n")
    options = (
        *("--namespaces", namespaces, "--region", REGION, "--provider-name", CONFIG),
        *("--provider", system.api.api_version),
    )
    status, written, said = adopt(*files, *options)
    assert status == 1
    assert re.search(rf"^{unclear}: it can be the image of workload a in ", said, re.M)
    assert f"the claim {NAMESPACE}/desk-ecr-repos creates {bundle}, and" in said
    assert ("removes the tags" in said) == (system.api is CLASSIC)

    file = tmp_path / "claims.yaml"
    file.write_text(written)
    system.kubectl("apply", "-f", file)
    message = claims.wait_for_reason(system, "desk-ecr-repos", "Adopted", NAMESPACE)
    assert f"not created by this claim: {image}." in message
    claims.wait_ready(system, "desk-ecr-repos", namespace=NAMESPACE)
    assert bundle in system.repositories()
    claims.delete(system, "desk-ecr-repos", namespace=NAMESPACE)
    claims.wait_gone(system, image, bundle, but=frozenset({image}))
    after = kept(system, before) | {unclear: before[unclear]}
    assert snapshot(system, {*before}) == after
    for name in before:
        system.ecr.delete_repository(repositoryName=name, force=True)
