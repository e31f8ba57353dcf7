"""YAML files: what cannot be used, and on which line each field is."""

from pathlib import Path

import pytest

from function.cli.errors import InputFileError
from function.cli.manifests import load_manifests, read_documents, to_struct
from tests.cli.invocations import CLAIM, run

HEAD = "apiVersion: tap.vrabbi.cloud/v1alpha1\nkind: WorkloadECRRepo"
# Eight levels of ten aliases each: a hundred million values.
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message", "why"),
    [
        ("{", "not YAML: line 1, column 2: ", "not YAML"),
        ("", "the file has no document", "empty"),
        ("---\n---\n", "the file has no document", "empty documents only"),
        ("[1]", "not a Kubernetes manifest: it has no kind", "a list"),
        ("kind: 5", "not a Kubernetes manifest: it has no kind", "a kind is text"),
        (b"kind: \xff\xfe", "not YAML: the text is not UTF-8. Save the file", "bytes"),
        ("kind: {{ .kind }}", "line 1, column 8: found unhashable key", "a template"),
        ("kind: {{ .kind }}", "If it is a template, render it first", "the fix"),
        ("[" * 5000, "nested too deeply", "deeper than Python's stack"),
        (f"{HEAD}\na: &a [*a]", "nested too deeply", "an alias in itself"),
        (f"{HEAD}\n{BOMB}", "its aliases make it too large", "an alias bomb"),
        (f"{HEAD}\n1: a", "line 1: the key 1 is not a string. Quote it", "a key"),
        (f"{HEAD}\na: !!set {{b}}", "JSON has no type for ", "a set"),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_message(
    text: str | bytes, message: str, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputFileError) as e:
        load_manifests(str(file))
    assert str(e.value).startswith(f"{file}: "), why
    assert message in str(e.value), why
    assert "\n" not in str(e.value)


def test_a_missing_file_gets_a_message() -> None:
    with pytest.raises(InputFileError, match="nofile: No such file or directory"):
        load_manifests("nofile")


DOCUMENT = """\
# a comment
kind: Some
spec:
  steps:
  - name: one
  - name: two
    input:
      fields: [a, b]
"""


@pytest.mark.parametrize(
    ("path", "line", "why"),
    [
        ((), 2, "the document itself"),
        (("spec",), 3, "a field"),
        (("spec", "steps", "1", "input", "fields"), 8, "inside a list"),
        (("spec", "steps", "1", "input", "fields", "1"), 8, "an item"),
        (("spec", "steps", "1"), 6, "an object in a list"),
        (("spec", "steps", "1", "missing", "more"), 6, "the nearest parent"),
        (("spec", "steps", "7"), 4, "an index that is too large"),
        (("kind", "x"), 2, "below a text"),
    ],
)
def test_a_field_has_a_line(
    path: tuple[str, ...], line: int, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(DOCUMENT)
    (document,) = read_documents(str(file))
    assert document.line(*path) == line, why


def test_the_items_of_a_list_keep_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text("kind: List\nitems:\n- kind: A\n- kind: B\n---\nkind: C\n")
    documents = read_documents(str(file))
    assert [(d.content["kind"], d.line("kind")) for d in documents] == [
        ("A", 3),
        ("B", 4),
        ("C", 6),
    ]


def test_text_that_looks_like_a_date_is_a_string_as_for_kubectl() -> None:
    dated = CLAIM.replace("workloadName: example-app", "workloadName: 2024-01-01")
    code, out, _ = run("explain", "-", stdin=dated)
    assert code == 0
    assert "  image   tap/workloads/2024-01-01-default\n" in out


def test_a_struct_has_what_the_manifest_has() -> None:
    struct = to_struct({"kind": "A", "spec": {"a": [1, None, "b"]}})
    assert dict(struct.items())["kind"] == "A"
    with pytest.raises(InputFileError, match="not valid as JSON"):
        to_struct({"a": {1, 2}})
