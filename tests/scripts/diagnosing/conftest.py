"""The model of these tests."""

import pytest

from .talkers import make_model


@pytest.fixture(scope="session")
def model():
    model = make_model()
    yield model
    model.close()
