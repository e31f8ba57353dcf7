"""Follow each install page on a fresh control plane, block by block.

Every block runs as it is on the page, with values for what is in angle brackets. The
differences from a real cluster:

- The packages of the provider contain no CRDs and no image. providers.py creates the
  CRDs and runs the program.
- A provider config with IRSA or Pod Identity cannot work here. The API server validates
  it without storing it. The real one has credentials for the ECR endpoint.
- IAM is simulated: the ECR endpoint refuses every action that the page's policy does
  not allow. moto checks the documents. The policy's resources are not enforced.
"""

import contextlib
import fnmatch
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import claims
import pytest
import tenants
import xpkg
import yaml
from apis import CLASSIC, NAMESPACED, UPBOUND, Api
from blocks import Block, blocks, run
from build import build
from control_plane import KubectlError
from processes import answers, free_port
from provider_package import report_running, run_provider
from system import FUNCTION, OURS, REGION, ROOT, Refusal, System, running, say

PAGE = {
    CLASSIC: "docs/install-classic-claims.md",
    UPBOUND: "docs/install-upbound-claims.md",
    NAMESPACED: "docs/install-upbound-v2.md",
}
AIR_GAPPED = "docs/air-gapped.md"
MARK = "run: tests/e2e/test_install.py"
ACCOUNT = "123456789012"
OIDC = "oidc.eks.eu-west-2.amazonaws.com/id/EXAMPLE"
OURS_ORGANISATION, UPBOUND_ORGANISATION, MIRROR = "ours", "upbound", "mirror"
VERSION, UPGRADED, FAMILY = "v0.1.0", "v0.1.1", "provider-family-aws"
CONFIGURATIONS = "configurations.pkg.crossplane.io"
COMMAND_S = 300
# The tests push images, and providers do not.
_IMAGES = {"PutImage", "DescribeImages", "BatchGetImage"}


class Fresh(System):
    """The system before step 1 of a page: packages are published, none is installed."""

    def _packages(self) -> None:
        self._serve_packages()
        self.publish(VERSION)
        version = "v0.58.0" if self.api is CLASSIC else "v2.5.0"
        if self.api is not CLASSIC:
            self.publish_provider(FAMILY, version)
        self.publish_provider(self.provider, version)

    @property
    def provider(self) -> str:
        """The name of the provider, and of its package."""
        return "provider-aws" if self.api is CLASSIC else "provider-aws-ecr"

    @property
    def registry(self) -> str:
        """The host of the registry."""
        return self._registry

    def publish(self, version: str) -> None:
        """Push the function and the Configuration as a version of their own."""
        directory = self.directory / f"packages-{version}"
        shutil.copytree(ROOT / "package/function", directory / "function")
        where = {"organisation": OURS_ORGANISATION, "version": version}
        function = self.push_package(FUNCTION, directory / "function", **where)
        name = self.api.configuration.name
        (directory / name).mkdir()
        xpkg.configuration(
            directory / name, function.rpartition(":")[0], "", name, VERSION[1:]
        )
        meta = directory / name / "crossplane.yaml"
        content = yaml.safe_load(meta.read_text())
        content["metadata"]["annotations"]["example.org/version"] = version
        meta.write_text(yaml.safe_dump(content))
        self.push_package(f"{name}-ecr-repos", directory / name, **where)

    def publish_provider(self, name: str, version: str) -> None:
        """Push a provider package, which depends on the family as Upbound's does."""
        meta: dict[str, Any] = {
            "apiVersion": "meta.pkg.crossplane.io/v1",
            "kind": "Provider",
            "metadata": {"name": name},
            "spec": {},
        }
        if name == "provider-aws-ecr":
            family = f"{self._registry}/{UPBOUND_ORGANISATION}/{FAMILY}"
            depends = {"provider": family, "version": ">=v2.0.0"}
            meta["spec"] = {"dependsOn": [depends]}
        package = self.directory / name
        package.mkdir()
        (package / "crossplane.yaml").write_text(yaml.safe_dump(meta))
        self.push_package(
            name, package, organisation=UPBOUND_ORGANISATION, version=version
        )


class Page:
    """Runs the blocks of a page, section by section, in a copy of the checkout."""

    def __init__(self, system: Fresh, path: str, values: dict[str, str]) -> None:
        self.system = system
        self.values = values
        self._exports = f"export OIDC={OIDC}\n"
        self._directory = system.directory / "checkout"
        shutil.copytree(ROOT / "package", self._directory / "package")
        text = (ROOT / path).read_text().splitlines()
        self._left: dict[str, list[Block]] = {}
        for block in blocks():
            if str(block.page) == path and block.mark == MARK:
                above = text[: block.line]
                heading = next(x for x in reversed(above) if x.startswith("## "))
                name = re.sub(r"^## (\d+\. )?", "", heading)
                self._left.setdefault(name, []).append(block)

    def follow(self, heading: str, count: int | None = None) -> None:
        """Run the next blocks of a section; all that are left by default."""
        section = self._left[heading]
        for block in section[:count]:
            self._run(block)
        del section[: len(section) if count is None else count]

    @property
    def left(self) -> list[str]:
        """The blocks that no test has run."""
        return [str(b) for section in self._left.values() for b in section]

    def file(self, name: str) -> Path:
        """Return a file that the page wrote for the platform team."""
        return self._directory / "my-platform" / name

    def apply_settings(self, **data: Any) -> None:
        """Change fields of the settings, as the page describes."""
        file = self.file("settings.yaml")
        content = yaml.safe_load(file.read_text())
        content["data"] |= data
        file.write_text(yaml.safe_dump(content))
        self.script("kubectl apply -k my-platform", "the settings")

    def _run(self, block: Block) -> None:
        script = block.text
        for given, own in self.values.items():
            script = script.replace(given, own)
        assert not re.search(r"<[a-z][a-z ]*>", script), f"{block}: {script}"
        only_checked = re.search(r"^kind: (Function|\w*ProviderConfig)$", script, re.M)
        if only_checked:
            apply, checked = "kubectl apply -f -", "kubectl apply --dry-run=server -f -"
            assert script.count(apply) == 1
            script = script.replace(apply, checked)
        said = self.script(script, str(block))
        if only_checked:
            assert "server dry run" in said
            identity = "source: PodIdentity"
            if "source: IRSA" in script:
                self.script(script.replace("source: IRSA", identity), str(block))
        self._exports += "".join(
            f"{line}\n" for line in script.splitlines() if line.startswith("export ")
        )
        if "kind: Provider\n" in script:
            self.system.certificates()
            run_provider(self.system, self.system.provider)
            if self.system.api is not CLASSIC:
                run_provider(self.system, f"{UPBOUND_ORGANISATION}-{FAMILY}")
        if "kind: Configuration\n" in script:
            name = f"{OURS_ORGANISATION}-{FUNCTION}"
            self.system.run_function("dependency", name, *OURS)
            revisions = "functionrevisions.pkg.crossplane.io"
            of = f"pkg.crossplane.io/package={name}"
            (revision,) = self.system.kubectl.all(revisions, "-l", of)
            report_running(self.system, revisions, revision["metadata"]["name"])

    def script(self, script: str, where: str) -> str:
        """Run a script in the shell of the page; return what it prints."""
        tools = build("crane").parent
        env = {**os.environ, **self.system.environment()}
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", self._exports + script],
            env={**env, "PATH": f"{tools}:{env['PATH']}"},
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        assert done.returncode == 0, f"{where}:\n{script}\nprinted:\n{done.stdout}"
        return done.stdout


@contextlib.contextmanager
def following(api: Api, path: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Yield a page on a control plane that starts and ends with it."""
    system = Fresh("install", lambda s: say(f"{path}: {s}"), api=api)
    with running(system, lambda: bool(request.session.testsfailed)):
        named = {
            "<host>/<organisation>": f"{system.registry}/{OURS_ORGANISATION}",
            "<provider package>": (
                f"{system.registry}/{UPBOUND_ORGANISATION}/{system.provider}"
            ),
            "<account>": ACCOUNT,
            "<cluster>": "example",
            "<user>": "user",
            "<password>": "password",
        }
        yield Page(system, path, named)


def check_documents(page: Page) -> set[str]:
    """Let moto check the IAM documents; return the actions that the policy allows."""
    iam = boto3.client(
        "iam",
        region_name=REGION,
        endpoint_url=page.system.endpoint,
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106
    )
    name = f"role-{len(iam.list_roles()['Roles'])}"
    trust = page.file("trust-policy.json").read_text()
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    policy = page.file("iam-policy.json").read_text()
    iam.put_role_policy(RoleName=name, PolicyName="ecr-repos", PolicyDocument=policy)
    (statement,) = json.loads(policy)["Statement"]
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{claims.PREFIX}/hello"
    assert fnmatch.fnmatchcase(repository, statement["Resource"])
    return {action.removeprefix("ecr:") for action in statement["Action"]}


@contextlib.contextmanager
def permissions(system: System, allowed: set[str]) -> Iterator[None]:
    """Make ECR refuse all other actions inside a `with` block."""
    known = set(system.ecr.meta.service_model.operation_names)
    assert allowed <= known
    message = "User: arn:aws:sts::… is not authorized to perform this action"
    others = tuple(sorted(known - allowed - _IMAGES))
    refusal = Refusal(others, "AccessDeniedException", message)
    with system.refusing(refusal):
        yield


def install(page: Page) -> set[str]:
    """Follow a page up to the Configuration; return the actions of its policy."""
    page.follow("Get the packages")
    page.follow("Write the IAM policy")
    page.follow("Create the IAM role", 1)
    check_documents(page)
    page.follow("Create the IAM role")
    allowed = check_documents(page)
    page.follow("Install the provider")
    page.follow("Add a pull secret")
    page.follow("Write the platform settings")
    page.follow("Install the Configuration")
    return allowed


def check_claims(page: Page) -> None:
    """Follow the sections that create claims, and look into ECR after each block."""
    system = page.system
    heading = f"Create the first {'XR' if system.api.namespaced else 'claim'}"
    page.follow(heading, 2)
    assert claims.names("hello") <= system.repositories()
    claims.push(system, *claims.names("hello"))
    page.follow(heading)
    claims.wait_gone(system, *claims.names("hello"))
    page.follow("Create claims with Kyverno", 2)
    assert claims.names("shop") <= system.repositories()
    page.follow("Create claims with Kyverno")
    claims.wait_gone(system, *claims.names("shop"))


def check_readme(system: System) -> None:
    """Run the example at the top of README.md, which shows what it prints."""
    (block,) = (b for b in blocks() if str(b.page) == "README.md" and b.mark == MARK)
    run(block, **system.environment())
    claims.delete(system, "shop")
    claims.wait_gone(system, *claims.names("shop"))


def check_tenants(page: Page) -> None:
    """Check that a tenant cannot choose another revision of the Composition."""
    system, kubectl = page.system, page.system.kubectl
    claims.apply(system, "tenants")
    claims.wait_ready(system, "tenants")
    kubectl.apply(
        tenants.cluster_role("edit-claims", tenants.CROSSPLANE_RIGHTS),
        tenants.account("a-tenant", "default"),
        tenants.binding("edit-claims", "a-tenant", "default"),
    )
    tenant = tenants.as_account(kubectl, "a-tenant", "default")
    chosen: dict[str, Any] = {
        "compositionUpdatePolicy": "Manual",
        "compositionRevisionRef": {"name": "workloadecrrepo-0123456"},
    }
    patch = {"crossplane": chosen} if system.api.namespaced else chosen
    with pytest.raises(KubectlError, match="only the platform team chooses"):
        tenant(
            *("patch", "workloadecrrepos", "tenants", "-n", "default"),
            *("--type=merge", "-p", json.dumps({"spec": patch})),
        )


def check_settings(page: Page, name: str) -> None:
    """Check that a claim can use its namespace's path, and not the one of others."""
    system = page.system
    for path, reason in (("other-team", "NotAllowed"), ("default", "Available")):
        claim = claims.manifest(f"{name}-{path}")
        claim["spec"]["parameters"]["repoPrefix"] = f"tap/{path}"
        system.kubectl.apply(claim)
        claims.wait_for_reason(system, f"{name}-{path}", reason)
        claims.delete(system, f"{name}-{path}")


def check_deletion_never(page: Page) -> None:
    """Set `deletion: Never`, check as docs/deletion.md says, and set it back."""
    system = page.system
    path = "docs/deletion.md"
    (block,) = (b for b in blocks() if str(b.page) == path and b.mark == MARK)

    def all_have(*, right: bool) -> bool:
        found = claims.managed(system).values()
        return all(system.api.may_delete(each) == right for each in found)

    page.apply_settings(deletion="Never")
    system.wait("nothing may be deleted", lambda: all_have(right=False))
    shown = page.script(
        f"export REPOSITORIES={system.api.repositories}\n{block.text}", str(block)
    )
    assert shown.startswith("NAME")
    assert ("Orphan" if system.api is CLASSIC else "Observe") in shown
    page.apply_settings(deletion="OnlyCreated")
    system.wait("created repositories may be deleted", lambda: all_have(right=True))


def option_actions(page: str) -> set[str]:
    """Return the actions on repositories in the page's table of options."""
    text = (ROOT / page).read_text().partition("Some options need more actions.")[2]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    found = {action for row in rows for action in re.findall(r"`ecr:(\w+)`", row)}
    assert "PutLifecyclePolicy" in found
    return found


def check_options(page: Page) -> None:
    """Set every option that the table of the page names, then remove them."""
    system, names = page.system, claims.names("tenants")

    def policies(operation: str) -> int:
        found = 0
        for name in names:
            with contextlib.suppress(system.ecr.exceptions.ClientError):
                getattr(system.ecr, operation)(repositoryName=name)
                found += 1
        return found

    def options() -> set[tuple[str, bool]]:
        described = system.ecr.describe_repositories(repositoryNames=sorted(names))
        return {
            (r["imageTagMutability"], r["imageScanningConfiguration"]["scanOnPush"])
            for r in described["repositories"]
        }

    operations = ("get_lifecycle_policy", "get_repository_policy")
    page.apply_settings(
        repository={
            "imageTagMutability": "IMMUTABLE",
            "scanOnPush": True,
            "tags": {"team": "shop"},
            "lifecycle": {"keepLast": 100},
            "permissions": {"pull": ["210987654321"]},
        }
    )
    system.wait(
        "ECR has the options",
        lambda: (
            options() == {("IMMUTABLE", True)}
            and all(policies(operation) == len(names) for operation in operations)
        ),
    )
    page.apply_settings(repository={})
    # The provider reads a policy once more before it releases the managed resource.
    kinds = ",".join(system.api.policies)
    system.wait(
        "the policies are gone", lambda: not system.kubectl.all(kinds, "-A"), 180
    )
    assert not any(map(policies, operations))
    claims.wait_ready(system, "tenants")


def upgrade(page: Page) -> None:
    """Upgrade the Configuration to another version of its package."""
    system = page.system
    system.publish(UPGRADED)
    found = system.kubectl.get(CONFIGURATIONS, "ecr-repos")
    assert found
    package = found["spec"]["package"].rpartition(":")[0] + f":{UPGRADED}"
    patch = json.dumps({"spec": {"package": package}})
    system.kubectl("patch", CONFIGURATIONS, "ecr-repos", "--type=merge", "-p", patch)

    def upgraded() -> bool:
        now = system.kubectl.get(CONFIGURATIONS, "ecr-repos") or {}
        current = now.get("status", {}).get("currentIdentifier", "")
        healthy = claims.condition(now, "Healthy").get("status") == "True"
        return bool(current.endswith(f":{UPGRADED}") and healthy)

    system.wait("the Configuration is upgraded", upgraded)


def uninstall(page: Page) -> None:
    """Follow the last section, with a claim and its images left."""
    system = page.system
    claims.push(system, *claims.names("tenants"))
    page.follow("Uninstall")
    assert not claims.names("tenants") & system.repositories()
    assert not system.kubectl.all("functions.pkg.crossplane.io")


def test_the_install_page(api: Api, request: pytest.FixtureRequest) -> None:
    with following(api, PAGE[api], request) as page:
        allowed = install(page)
        with permissions(page.system, allowed):
            check_claims(page)
            if api is NAMESPACED:
                check_readme(page.system)
            check_tenants(page)
            check_settings(page, "before")
            upgrade(page)
            check_settings(page, "after")
            check_deletion_never(page)
            page.follow("Use the function in your own Composition")
        with permissions(page.system, allowed | option_actions(PAGE[api])):
            check_options(page)
        with permissions(page.system, allowed):
            uninstall(page)
        assert not page.left


def test_the_air_gapped_page(api: Api, request: pytest.FixtureRequest) -> None:
    """The registry of the packages is stopped when they are in the mirror."""
    with following(api, AIR_GAPPED, request) as page:
        system = page.system
        mirror = f"127.0.0.1:{free_port()}"
        system.programs.start(
            *("mirror", build("crane"), "registry", "serve", f"--address={mirror}")
        )
        system.wait("the mirror responds", lambda: answers(f"http://{mirror}/v2/"))
        page.values |= {
            "<upbound host>/<upbound organisation>": (
                f"{system.registry}/{UPBOUND_ORGANISATION}"
            ),
            "<your host>/<your organisation>": f"{mirror}/{MIRROR}",
        }
        page.follow("Get the packages", 3)
        system["registry"].stop()
        allowed = install(page)
        with permissions(system, allowed):
            check_claims(page)
            check_tenants(page)
            page.follow("Use the function in your own Composition")
            uninstall(page)
        assert not page.left
