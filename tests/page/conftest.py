"""Folders and reports that several tests look at, made once."""

import json

import pytest

from snn2hw.page.collect import collect
from snn2hw.page.write import write_report
from tests.page import making
from tests.page.browser import opened


def _folder(name):
    @pytest.fixture(scope="session", name=f"{name}_folder")
    def made(tmp_path_factory):
        return getattr(making, f"{name}_folder")(tmp_path_factory.mktemp(name))

    return made


def _report(name):
    @pytest.fixture(scope="session", name=f"{name}_report")
    def made(request, tmp_path_factory):
        folder = request.getfixturevalue(f"{name}_folder")
        return write_report(collect([folder]), tmp_path_factory.mktemp(f"{name}-report") / "report.html")

    return made


KINDS = ("whole", "xylo", "large", "silent")
whole_folder, xylo_folder, large_folder, silent_folder = map(_folder, KINDS)
whole_report, xylo_report, large_report, silent_report = map(_report, KINDS)


@pytest.fixture(params=KINDS)
def any_report(request):
    """Every kind of report, one after the other."""
    return request.getfixturevalue(f"{request.param}_report")


@pytest.fixture
def any_dossier(any_report):
    return json.loads(any_report.json.read_text())


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of a browser that several tests use."""
    with opened(tmp_path_factory.mktemp("browser")) as page:
        yield page
