"""What every test may ask for, and what none may use: a key of whoever runs the tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import golf_pipeline

REPOSITORY = Path(golf_pipeline.__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# A busy machine is no failure: no test is timed.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos, labels and mocap beside the project; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data) is not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def no_key_of_a_model() -> Iterator[None]:
    """Tests never spend money: a key in the environment would send their swings to a paid model."""
    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GOLF_OPENAI_API_KEY", "GOLF_OPENAI_BASE_URL")
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    yield
    os.environ.update(kept)
