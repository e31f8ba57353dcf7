"""Show on the terminal how a Workload gets its ECR repositories and loses them."""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

from processes import NotReadyError
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.live import Live
from rich.syntax import Syntax
from rich.table import Table
from rich.tree import Tree
from system import System

CLAIM = "shop-ecr-repos"
# Crossplane may briefly show older conditions of a new claim again.
LASTS_S = 1
WORKLOAD = """\
apiVersion: carto.run/v1alpha1
kind: Workload
metadata:
  name: shop
  namespace: default
spec:
  image: example/shop
"""


class Story:
    """Shows what happens to one Workload."""

    def __init__(self, system: System, console: Console) -> None:
        self._system, self._console = system, console

    def tell(self) -> None:
        """Show all steps, from creating the Workload to deleting it."""
        console, kubectl = self._console, self._system.kubectl
        console.rule("A workload is created")
        console.print(Syntax(WORKLOAD, "yaml", background_color="default"))
        kubectl("apply", "-f", "-", stdin=WORKLOAD)
        self._watch(lambda: self._ready() and len(self._repositories()) == 2)
        console.rule("What its team sees")
        console.print(kubectl("get", "workloadecrrepos"), end="", soft_wrap=True)
        console.rule("What ECR has")
        table = Table("repository", box=None, pad_edge=False)
        table.add_column("push to", overflow="fold")
        for repository in self._repositories():
            table.add_row(repository["repositoryName"], repository["repositoryUri"])
        console.print(table)
        console.rule("The workload is deleted")
        kubectl("delete", "workload", "shop")
        console.print(
            "[dim]ECR deletes the repositories immediately. The provider keeps a "
            "managed resource\nuntil it is 30 s old, because ECR may be slow to show "
            "a new repository."
        )
        self._watch(lambda: not self._objects() and not self._repositories())

    def _watch(self, done: Callable[[], bool]) -> None:
        started, reached = time.monotonic(), 0.0

        def picture() -> Tree:
            return self._tree(f"{(reached or time.monotonic()) - started:.1f} s")

        with Live(picture(), console=self._console, auto_refresh=False) as live:

            def probe() -> bool:
                nonlocal reached
                reached = (reached or time.monotonic()) if done() else 0.0
                live.update(picture(), refresh=True)
                return bool(reached) and time.monotonic() - reached > LASTS_S

            self._system.wait("all resources have their final state", probe)
            live.update(picture(), refresh=True)
        # Without a terminal, Live ends without a line break.
        if not self._console.is_terminal:
            self._console.print()

    def _tree(self, after: str) -> Tree:
        node = tree = Tree(f"[dim]after {after}")
        for kind, name, is_ready in self._objects():
            mark = "[green]✔[/]" if is_ready else "[yellow]…[/]"
            added = node.add(f"{mark} {kind} [bold]{name}")
            node = node if kind == "Repository" else added
        ecr = tree.add("Amazon ECR")
        for repository in self._repositories():
            ecr.add(f"[green]✔[/] [bold]{repository['repositoryName']}")
        return tree

    def _objects(self) -> list[tuple[str, str, bool]]:
        """Return all objects from the Workload down: kind, name, ready."""
        kubectl = self._system.kubectl
        found = []
        if workload := kubectl.get("workload", "shop"):
            found.append(("Workload", workload["metadata"]["name"], True))
        if claim := kubectl.get("workloadecrrepos", CLAIM):
            found.append(("WorkloadECRRepo", CLAIM, _is_ready(claim)))
        label = ("-l", f"crossplane.io/claim-name={CLAIM}")
        for plural in ("xworkloadecrrepos", "repositories.ecr.aws.crossplane.io"):
            for item in kubectl.all(plural, *label):
                name = item["metadata"]["name"]
                found += [(item["kind"], name, _is_ready(item))]
        return found

    def _ready(self) -> bool:
        return all(is_ready for *_, is_ready in self._objects())

    def _repositories(self) -> list[dict[str, Any]]:
        found = self._system.ecr.describe_repositories()["repositories"]
        return sorted(found, key=lambda r: str(r["repositoryName"]))


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--keep", action="store_true", help="keep everything running afterwards"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write the output as SVG"
    )
    args = parser.parse_args()
    keep, record = args.keep, args.record
    # Record as without a terminal: each picture once, in its final state.
    console = (
        Console(highlight=False, record=True, width=128, force_terminal=False)
        if record
        else Console(highlight=False)
    )
    # Handle SIGTERM like Ctrl-C, so that every started program is stopped.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    system = System("demo", lambda step: console.print(f"[green]✔[/] {step}"))
    try:
        console.rule("Start the real programs")
        with console.status("Starting"):
            system.start()
            system.install_policy()
        console.print("[green]✔[/] XRD, Composition and policy")
        Story(system, console).tell()
        if record:
            record.write_text(_svg(console), encoding="utf-8")
        if keep:
            _keep(system, console)
    except KeyboardInterrupt:
        console.print("Cleaning up")
        return 130
    except Exception as e:
        kept = Path(tempfile.mkdtemp(prefix="function-ecr-repos-demo-logs-"))
        for log in system.directory.glob("*.log"):
            shutil.copy(log, kept)
        console.print(f"The logs are in {kept}")
        if isinstance(e, NotReadyError):
            console.print(f"[red]✘[/] {e}", markup=True, soft_wrap=True)
            return 1
        raise
    finally:
        system.close()
    return 0


def _svg(console: Console) -> str:
    """Return the recording as SVG that uses local fonts and downloads none."""
    template = re.sub(
        r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL
    )
    template = template.replace("Fira Code", "ui-monospace, Menlo, Consolas")
    template = template.replace(
        'class="rich-terminal"',
        'class="rich-terminal" role="img" aria-label="A terminal: make demo runs"',
    )
    svg = console.export_svg(title="make demo", code_format=template, unique_id="demo")
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def _keep(system: System, console: Console) -> None:
    console.rule("Everything is still running")
    # One line each, never wrapped, so that they can be copied.
    for line in (
        *(f"export {key}={value}" for key, value in system.environment().items()),
        f"export AWS_ENDPOINT_URL={system.endpoint}",
    ):
        console.print(line.replace(os.environ["PATH"], "$PATH"), soft_wrap=True)
    console.print("Press Ctrl-C to stop everything.")
    signal.pause()


if __name__ == "__main__":
    sys.exit(main())
