"""The committed CRD is the model's."""

from function.generate.crd import CRD_PATH, render_crd


def test_the_crd_has_not_drifted_from_the_model() -> None:
    assert CRD_PATH.read_text() == render_crd(), "run `make generate`"
