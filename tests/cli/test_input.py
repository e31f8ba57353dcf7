"""input: what it prints is an Input, or platform settings."""

import re
from pathlib import Path

import yaml

from tests.cli.invocations import INPUT_TYPE, run


def test_the_output_is_an_input_that_sets_nothing() -> None:
    code, out, err = run("input")
    assert (code, err) == (0, "")
    assert yaml.safe_load(out) == INPUT_TYPE


def test_check_accepts_the_output_with_a_field_uncommented() -> None:
    _, out, _ = run("input")
    text, count = re.subn(r"^#(deletion: )", r"\1", out, flags=re.MULTILINE)
    assert count == 1
    code, _, err = run("check", "-", stdin=text)
    assert (code, err) == (0, "1 checked, 0 skipped, 0 wrong\n")


def test_check_accepts_the_platform_settings_that_it_prints() -> None:
    code, out, err = run("input", "--settings")
    assert (code, err) == (0, "")
    assert Path("package/platform/settings.yaml").read_text() == out
    code, _, err = run("check", "-", stdin=out)
    assert (code, err) == (0, "1 checked, 0 skipped, 0 wrong\n")
