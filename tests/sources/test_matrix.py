"""The matrix of docs/reference/sources.md is what was just run."""

import pytest
from django.conf import settings

from tests.sources import matrix
from tests.sources.operations import OPERATIONS


@pytest.mark.django_db(transaction=True)
def test_the_page_tells_what_is_seen_and_what_escapes():
    cells = matrix.run(settings.DATABASE)
    differing = {
        key: (cell, cells.get(key))
        for key, cell in matrix.expected(settings.DATABASE).items()
        if cells.get(key) != cell
    }

    assert not differing, f"{matrix.PAGE.name} tells otherwise (page, run). Write it anew: {matrix.COMMAND}"


def test_the_page_is_as_it_would_be_written():
    written = matrix.render(matrix.read())

    assert matrix.without_versions(matrix.section()) == matrix.without_versions(written), (
        f"Write it anew: {matrix.COMMAND}"
    )


def test_the_page_has_all_operations_and_sources():
    from tests.sources.columns import COLUMNS

    wanted = {(column.source, operation.title) for column in COLUMNS for operation in OPERATIONS}

    assert matrix.read().keys() == wanted, f"Write it anew: {matrix.COMMAND}"
