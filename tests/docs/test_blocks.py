"""Every code block of the documentation is run, or names what runs it."""

import re
from pathlib import Path

import blocks as blocks_module
import pytest
import yaml
from blocks import ROOT, Block, blocks, run, shows

from function.api import platform_settings
from function.api.platform_settings import PlatformSettings
from function.cli.check import Checker
from function.cli.manifests import read_documents

ALL = blocks()
CONSOLE = [b for b in ALL if b.language == "console"]
SHOWN = [b for b in ALL if b.language not in ("console", "yaml")]
CI = (ROOT / ".ci/run").read_text()
CI_TARGETS = set(re.findall(r"^make (.*)$", CI, re.MULTILINE)[0].split())


SETTINGS = {
    "apiVersion": platform_settings.API_VERSION,
    "kind": platform_settings.KIND,
    "metadata": {"name": platform_settings.NAME},
}
FIELDS = {field.alias for field in PlatformSettings.model_fields.values()}


def marked(kind: str) -> list[Block]:
    return [b for b in ALL if b.mark.startswith(f"{kind}: ")]


def target(block: Block) -> str:
    return block.mark.partition(": ")[2]


def test_the_docs_have_console_blocks() -> None:
    assert len(CONSOLE) > 10


@pytest.mark.parametrize("block", [b for b in CONSOLE if not b.mark], ids=str)
def test_a_console_block_prints_what_it_shows(block: Block) -> None:
    run(block)


@pytest.mark.parametrize("block", ALL, ids=str)
def test_the_comment_of_a_block_is_valid(block: Block) -> None:
    if block.mark:
        assert re.match(r"(run|excerpt|not run): \S", block.mark), block.mark
    if block.language != "yaml":
        assert block.language == "console" or block.mark, (
            f"{block}: it is neither console nor YAML, so it needs a comment"
        )


@pytest.mark.parametrize("block", marked("run"), ids=str)
def test_the_named_file_runs_the_block(block: Block) -> None:
    by = target(block)
    assert block.commands, f"{block}: it has no commands"
    if by == "cluster":
        return  # tests/e2e/test_docs.py runs all of these
    if by == ".ci/run":
        for command in block.commands:
            assert command.text.removeprefix("make ") in CI_TARGETS, command
        return
    named = rf"(?<![\w/]){re.escape(str(block.page))}"
    assert re.search(named, (ROOT / by).read_text()), f"{by} does not name the page"


@pytest.mark.parametrize("block", marked("excerpt"), ids=str)
def test_the_file_contains_the_excerpt(block: Block) -> None:
    rest = (ROOT / target(block)).read_text()
    for line in block.text.splitlines():
        if line.strip() not in ("", "…"):
            _, found, rest = rest.partition(line.strip())
            assert found, f"{target(block)} has no (further) line {line!r}"


@pytest.mark.parametrize(
    "block", [b for b in ALL if b.language == "yaml" and not b.mark], ids=str
)
def test_yaml_is_valid(block: Block, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As a manifest, as part of one, and as an Input if it is one."""
    documents = list(yaml.safe_load_all(block.text))
    assert documents
    assert "…" not in block.text, "an excerpt needs a comment that names its file"
    for document in documents:
        if document.get("data", {}).keys() & FIELDS:  # a part of the settings
            document.update(SETTINGS)
        steps = (document.get("spec") or {}).get("pipeline") or [document]
        for content in (document, *(step.get("input") for step in steps)):
            if isinstance(content, dict) and content.get("kind"):
                file = tmp_path_factory.mktemp("yaml") / "block.yaml"
                file.write_text(yaml.safe_dump(content))
                (read_back,) = read_documents(str(file))
                assert not list(Checker().check(read_back))


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a", "…"], ["a", "b", "c"], True),
        (["…", "c"], ["a", "b", "c"], True),
        (["a … c"], ["a b c"], True),
        (["a … c"], ["a b d"], False),
        ([], ["anything"], True),
        (["a"], ["a  "], True),
        (["a.c"], ["abc"], False),
    ],
)
def test_the_comparison(expected: list[str], printed: list[str], *, same: bool) -> None:
    assert shows(expected, printed) == same


def test_a_block_that_prints_something_else_fails() -> None:
    text = "$ echo one\ntwo\n"
    with pytest.raises(AssertionError, match="not:\ntwo"):
        run(Block(CONSOLE[0].page, 1, "console", text, ""))


def test_a_command_that_fails_fails() -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        run(Block(CONSOLE[0].page, 1, "console", "$ false\n", ""))
    run(Block(CONSOLE[0].page, 1, "console", "$ false\n$ echo $?\n1\n", ""))


def test_a_shell_that_ends_early_fails() -> None:
    with pytest.raises(AssertionError, match="ended with -1"):
        run(Block(CONSOLE[0].page, 1, "console", "$ exit 0\n$ true\n", ""))


LOOKING = """\
$ kubectl() {{ echo >>{looks}; wc -l <{looks}; }}
$ kubectl get looks
3
"""


def test_a_command_that_reads_a_cluster_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = tmp_path / "looks"
    run(Block(CONSOLE[0].page, 1, "console", LOOKING.format(looks=looks), ""))
    assert looks.read_text() == "\n" * 3
    monkeypatch.setattr(blocks_module, "_LOOK_SECONDS", 1)
    with pytest.raises(AssertionError, match="not:\n3"):
        run(Block(CONSOLE[0].page, 1, "console", LOOKING.format(looks=looks), ""))


def test_a_command_that_changes_something_is_not_repeated(tmp_path: Path) -> None:
    looks = tmp_path / "looks"
    text = LOOKING.format(looks=looks).replace("get looks", "apply looks")
    with pytest.raises(AssertionError, match="not:\n3"):
        run(Block(CONSOLE[0].page, 1, "console", text, ""))
    assert looks.read_text() == "\n"


def test_a_command_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "_SECONDS", 0.5)
    with pytest.raises(AssertionError, match="ended with -9"):
        run(Block(CONSOLE[0].page, 1, "console", "$ sleep 60 & sleep 60\n", ""))
