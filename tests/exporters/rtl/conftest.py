import pytest

from tests.exporters.rtl.bench import remove_cores


@pytest.fixture(scope="session", autouse=True)
def _cores_are_removed():
    yield
    remove_cores()
