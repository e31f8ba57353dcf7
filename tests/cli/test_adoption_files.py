"""The files of adopt: JSON documents, namespaces, and mappings."""

from pathlib import Path

import pytest

from function.cli import adoption_files
from function.cli.adoption_files import read_json, read_mapping, read_namespaces
from function.cli.errors import InputFileError
from function.cli.name_matching import Target


def written(directory: Path, content: str | bytes) -> str:
    file = directory / "file"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


@pytest.mark.parametrize(
    ("content", "want", "reason"),
    [
        ('{"a": 1}', [{"a": 1}], "one document"),
        ('{"a": 1}\n{"b": 2}\n[]\n', [{"a": 1}, {"b": 2}, []], "three documents"),
        ("[1][2]", [[1], [2]], "without a line feed between them"),
        (b"\xef\xbb\xbf{}", [{}], "a byte order mark"),
    ],
)
def test_json_documents(
    content: str | bytes, want: list[object], reason: str, tmp_path: Path
) -> None:
    file = written(tmp_path, content)
    assert list(read_json([file])) == [(file, each) for each in want], reason


@pytest.mark.parametrize(
    ("content", "want"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("{", "not JSON: Expecting property name enclosed in double quotes. The file "),
        ('{"a": 1', "not JSON: Expecting ',' delimiter. The file may be cut off"),
        ("repositories:\n- a", "not JSON: Expecting value. Use -json for terraform"),
        ("# aws_ecr_repository.a:", "not JSON: Expecting value. Use -json for"),
        ("{} x", "not JSON: Expecting value"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "not JSON: a number is too long"),
        (b"\xff\xfe{\x00", "the text is not UTF-8. Save the file as UTF-8"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_not_json_is_refused(
    content: str | bytes, want: str, tmp_path: Path
) -> None:
    file = written(tmp_path, content)
    with pytest.raises(InputFileError) as e:
        list(read_json([file]))
    assert str(e.value).startswith(f"{file}: {want}")


def test_a_huge_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption_files, "_LARGEST_FILE", 2**20)
    file = written(tmp_path, " " * (2**20 + 1))
    with pytest.raises(InputFileError, match=r"larger than 1 MiB\. Use the state"):
        list(read_json([file]))
    with pytest.raises(InputFileError, match="larger than 1 MiB"):
        read_namespaces(file)


def test_a_file_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputFileError, match="nofile: No such file or directory"):
        list(read_json(["nofile"]))


def test_namespaces(tmp_path: Path) -> None:
    file = written(tmp_path, "namespace/default\r\n\n  kube-system\ndefault\n")
    assert read_namespaces(file) == {"default", "kube-system"}


@pytest.mark.parametrize(
    ("content", "want"),
    [
        ("\n", "the file is empty"),
        (
            "a\nNAME   STATUS   AGE\n",
            'line 2: "NAME   STATUS   AGE" cannot be the name of a namespace. Use the '
            "output of `kubectl get namespaces -o name`",
        ),
        ("pod/a", 'line 1: "pod/a" cannot be'),
        ("\x1b[31m", r'line 1: "\u001b[31m" cannot be'),
    ],
)
def test_other_lines_are_no_namespaces(content: str, want: str, tmp_path: Path) -> None:
    file = written(tmp_path, content)
    with pytest.raises(InputFileError) as e:
        read_namespaces(file)
    assert str(e.value).startswith(f"{file}: {want}")


def test_a_mapping(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
tap/a-b-c: c/a-b
tap/x: {namespace: dev, workload: x}
team/base:
  namespace: dev
  workload: shop
  existing: true
""",
    )
    assert read_mapping(file) == {
        "tap/a-b-c": Target("c", "a-b"),
        "tap/x": Target("dev", "x"),
        "team/base": Target("dev", "shop", existing=True),
    }


@pytest.mark.parametrize(
    ("content", "want"),
    [
        ("", "it must be one object. Write `REPOSITORY: NAMESPACE/WORKLOAD`"),
        ("[]", "it must be one object"),
        ("a: b/c\n---\nd: e/f", "it must be one object"),
        ("a0: b/c\na0: b/d", "a0: it is there twice. Remove one of them"),
        ("a0: 1", "a0: got 1; it must be NAMESPACE/WORKLOAD or an object. Write"),
        ("a0: shop", 'a0: got ""; it must be the name of a workload. Write'),
        ("a0: Dev/shop", 'a0: got "Dev"; it must be the name of a namespace'),
        ("a0: dev/a/b", 'a0: got "a/b"; it must be the name of a workload'),
        ("a0: {namespace: dev}", 'a0: got ""; it must be the name of a workload'),
        ("a0: {namespace: [], workload: a}", "a0: got []; it must be the name of a n"),
        ("a0: {namespace: b, workload: [x]}", 'a0: got ["x"]; it must be the name of'),
        ("a0: {ns: b}", 'a0: got "ns"; there is no such field'),
        (
            'a0: {namespace: b, workload: c, existing: "true"}',
            'a0: got "true"; existing must be true or false',
        ),
        ("1: b/c", "the document on line 1: the key 1 is not a string. Quote it"),
        ("a: b: c", "not YAML: line 1"),
    ],
)
def test_a_wrong_mapping_is_refused(content: str, want: str, tmp_path: Path) -> None:
    file = written(tmp_path, content)
    with pytest.raises(InputFileError) as e:
        read_mapping(file)
    assert str(e.value).startswith(f"{file}: {want}")
