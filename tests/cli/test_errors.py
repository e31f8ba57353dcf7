"""The text of an error about a file."""

import pytest

from function.cli.errors import InputFileError


@pytest.mark.parametrize(
    ("file", "text"), [("a.yaml", "a.yaml: not YAML"), ("", "not YAML")]
)
def test_the_file_comes_first_if_it_is_known(file: str, text: str) -> None:
    error = InputFileError(file, "not YAML", 3)
    assert str(error) == text
    assert (error.file, error.problem, error.line) == (file, "not YAML", 3)
