"""docs/reference/sources.md names the sources as they are."""

import re

from django.apps import apps
from django.utils.module_loading import import_string

from notifyaudit.sources import ModelSource, Source
from tests.docs.pages import ROOT
from tests.docs.test_reference import named_in, public, section, table
from tests.sources.columns import COLUMNS


def named():
    """By path: the name and the extra that the page gives."""
    rows = table(section("sources.md", "The sources"))
    return {re.sub("`", "", row[0]): [cell.strip("`") for cell in row[1:3]] for row in rows}


def test_each_source_has_the_path_and_the_name_that_the_page_gives():
    for path, (name, _) in named().items():
        if name == "pghistory" and not apps.is_installed("pghistory"):
            continue  # its models are PostgreSQL's
        source = import_string(f"notifyaudit.sources.{path}")
        assert issubclass(source, Source)
        assert source.name == name


def test_each_source_of_the_matrix_is_on_the_page():
    without_source = {"lifecycle"}

    assert {column.source for column in COLUMNS} - without_source == {name for name, _ in named().values()}


def test_each_extra_is_there():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert {extra for _, extra in named().values()} <= extras.keys()


def test_the_base_of_own_tables_is_described_as_it_is():
    described = set(named_in(section("sources.md", "`ModelSource`")))

    assert described == (public(ModelSource) - public(Source)) | {"model"}
