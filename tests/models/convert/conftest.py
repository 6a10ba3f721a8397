"""Checkpoints that ``transformers`` writes."""

import pytest

from tests.models.convert.families import make_theirs


@pytest.fixture
def theirs(tmp_path):
    """Make their model, saved by them."""

    def make(name="mixtral", **save):
        model = make_theirs(name)
        model.save_pretrained(tmp_path / "theirs", **save)
        return model, tmp_path / "theirs"

    return make
