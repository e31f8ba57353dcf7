"""Build a provider for AWS without the code of services other than ECR.

    ecr_only.py TOOL DIRECTORY COMMAND...

An unmodified provider takes long to compile: Upbound's has 5,300 packages, which takes
hours. A few files, most of them generated, register every AWS service: its types,
controllers, Terraform resources and SDK client. This copies the provider's module, and
for Upbound's the module of its Terraform provider, into DIRECTORY, removes the other
services from those files, and runs COMMAND there. The code that handles ECR, Terraform
or Kubernetes is not changed.

The modules are the ones that tools/TOOL pins. Go checks each of them against the go.sum
of that folder.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from build import TOOLS, BuildError, module_dir

CLASSIC = "github.com/crossplane-contrib/provider-aws"
UPBOUND = "github.com/upbound/provider-aws/v2"
# Upbound's fork declares the path of the module that it replaces.
TERRAFORM = "github.com/hashicorp/terraform-provider-aws"
# Services whose Terraform resources, configuration and controllers are kept.
SERVICES = {"ecr"}
# Services whose SDK clients are kept: internal/conns itself uses sts and s3.
CLIENTS = {"ecr", "sts", "s3"}
# Services whose types are kept: ECR resources can refer to keys, roles and secrets.
APIS = {"ecr", "kms", "iam", "secretsmanager"}
# Folders at the root of a module that contain no code, and half of its bytes.
NOT_CODE = {"docs", "e2e", "examples", "examples-generated", "package", "website"}
# At startup the provider configures every resource that these tables name, and fails
# where Terraform has none. Their entries span lines, so they are filtered when it runs.
ONLY_ECR = """\
package config

import (
	"maps"
	"strings"

	"github.com/crossplane/upjet/v2/pkg/config"
)

func init() {
	other := func(name string, _ config.ExternalName) bool {
		return !strings.HasPrefix(name, "aws_ecr_")
	}
	maps.DeleteFunc(CLIReconciledExternalNameConfigs, other)
	maps.DeleteFunc(TerraformPluginFrameworkExternalNameConfigs, other)
	maps.DeleteFunc(TerraformPluginSDKExternalNameConfigs, other)
}
"""


def cut_classic(provider: Path) -> None:
    """Keep the types and controllers of ECR, and those of the provider itself."""
    register = provider / "apis/aws.go"
    types = rf'\t(\w+) "{CLASSIC}/apis/(.+)"'
    wanted = _types(register, types)
    added = r"\t\t(\w+)\.(?:SchemeBuilder\.)?AddToScheme,"
    keep_lines(register, (types, added), wanted.__contains__)
    keep_lines(
        provider / "pkg/controller/aws.go",
        (rf'\t"{CLASSIC}/pkg/controller/(\w+)"', r"\t\t(\w+)\.Setup,"),
        {*SERVICES, "config"}.__contains__,
    )


def cut_upbound(provider: Path) -> None:
    """Keep the types, controllers and configuration of ECR, in both scopes."""
    for scope in ("cluster", "namespaced"):
        _cut_scope(provider, scope)
    (provider / "config/zz_only_ecr.go").write_text(ONLY_ECR)


def cut_terraform(terraform: Path) -> None:
    """Keep the Terraform resources of ECR, and the SDK clients that they use."""
    package = re.escape(f"{TERRAFORM}/internal/service/")
    keep_lines(
        terraform / "internal/provider/sdkv2/service_packages_gen.go",
        (rf'\t"{package}(\w+)"', r"\t\t(\w+)\.ServicePackage\(ctx\),"),
        SERVICES.__contains__,
    )
    clients = terraform / "internal/conns/awsclient_gen.go"
    keep_lines(
        clients,
        (r'\t(?:\w+ )?"github\.com/aws/aws-sdk-go-v2/service/(\w+)"',),
        CLIENTS.__contains__,
    )
    # Each client has one method, whose result type names the client's package.
    method = r"func \(c \*AWSClient\) \w+\(.*\) \*(\w+)\.Client \{\n.*\n\}\n\n?"
    keep(clients, method, CLIENTS.__contains__)


# The modules that a tool is built from, and the function that cuts each.
CUTS: dict[str, dict[str, Callable[[Path], None]]] = {
    "provider-aws": {CLASSIC: cut_classic},
    "provider-aws-upbound": {UPBOUND: cut_upbound, TERRAFORM: cut_terraform},
}


def _cut_scope(provider: Path, scope: str) -> None:
    register = provider / f"apis/{scope}/zz_register.go"
    types = rf'\t(\w+) "{UPBOUND}/apis/{scope}/(.+)"'
    wanted = _types(register, types)
    added = r"\t\t(\w+)\.SchemeBuilder\.AddToScheme,"
    keep_lines(register, (types, added), wanted.__contains__)
    keep_lines(
        provider / f"config/{scope}/provider.go",
        (
            rf'\t(?:\w+ )?"{UPBOUND}/config/{scope}/(\w+)"',
            r"\tProviderConfiguration\.AddConfig\((\w+)\.Configure\)",
        ),
        SERVICES.__contains__,
    )
    # Each file sets up the controllers of one service; cmd/provider/ecr calls ECR's.
    controllers = provider / f"internal/controller/{scope}"
    setups = set(controllers.glob("zz_*_setup.go"))
    ours = {controllers / f"zz_{service}_setup.go" for service in SERVICES}
    if not ours < setups:
        raise BuildError(f"{controllers} lacks the setup of {', '.join(SERVICES)}")
    for setup in setups - ours:
        setup.unlink()


def _types(register: Path, pattern: str) -> set[str]:
    """Return the aliases of the types to keep."""
    return {
        alias
        for alias, path in re.findall(pattern, register.read_text())
        # Types outside a service's folder are the provider's own: ProviderConfig.
        if "/" not in path or path.split("/")[0] in APIS
    }


def keep_lines(
    file: Path, patterns: tuple[str, ...], wanted: Callable[[str], bool]
) -> None:
    """Remove lines that match one of the patterns and whose group is not wanted."""
    for pattern in patterns:
        keep(file, rf"^{pattern}.*\n", wanted)


def keep(file: Path, pattern: str, wanted: Callable[[str], bool]) -> None:
    """Remove matches of the pattern whose group is not wanted.

    Raises:
        BuildError: The pattern matches nothing, or all matches would be removed or
            kept: this code was written for another version of the file.
    """
    kept: list[bool] = []

    def each(match: re.Match[str]) -> str:
        kept.append(wanted(match[1]))
        return match[0] if kept[-1] else ""

    text = re.sub(pattern, each, file.read_text(), flags=re.MULTILINE)
    if len(set(kept)) != 2:
        what = "matches nothing" if not kept else f"keeps {sum(kept)} of {len(kept)}"
        raise BuildError(f"{pattern} {what} in {file}: was the provider upgraded?")
    file.write_text(text)


def copy_code(source: Path, target: Path) -> None:
    """Copy the code of a module, without the read-only modes of Go's cache."""
    for directory, folders, files in os.walk(source):
        if Path(directory) == source:
            folders[:] = sorted(set(folders) - NOT_CODE)
        into = target / Path(directory).relative_to(source)
        into.mkdir()
        for name in files:
            if not name.endswith("_test.go"):
                shutil.copyfile(Path(directory, name), into / name)


def prepare(tool: str, directory: Path) -> None:
    """Create the module to build, with its copied modules, in an empty directory."""
    pins = (TOOLS / tool / "go.mod").read_text()
    for module, cut in CUTS[tool].items():
        name = module.split("/")[2]
        copy_code(module_dir(tool, module), directory / name)
        cut(directory / name)
        pins = re.sub(rf"^replace {module} => .*\n", "", pins, flags=re.MULTILINE)
        pins += f"\nreplace {module} => ./{name}\n"
    (directory / "go.mod").write_text(pins)
    shutil.copyfile(TOOLS / tool / "go.sum", directory / "go.sum")


def _main() -> None:
    tool, directory, command = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    try:
        prepare(tool, directory)
    except (BuildError, OSError) as e:
        sys.exit(str(e))
    os.chdir(directory)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    _main()
