"""What a failed assertion of the harness prints, as one text."""

import pytest


def failure_of(question, *args, error=AssertionError, **options):
    with pytest.raises(error) as failure:
        question(*args, **options)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__ or failure.value.__context__ is None
    return str(failure.value)
