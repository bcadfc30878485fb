"""Which transaction this is, as the code under way sees it: also within a test that never commits."""

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

COMMITS: Final = object()
"""The key of a transaction of the database itself: its pending hooks tell whether it is still the same."""


def key_of(connection: BaseDatabaseWrapper) -> object:
    """
    What names the current transaction: ``None`` outside of one, :data:`COMMITS`, or within a test's own
    transaction the outermost block of the code under test.
    """
    blocks: list[Any] = connection.atomic_blocks
    tests_own = next((i for i, block in enumerate(blocks) if not block._from_testcase), len(blocks))  # noqa: SLF001 - see the note
    if tests_own == len(blocks):
        return None
    return (connection.savepoint_ids[tests_own - 1] or blocks[tests_own]) if tests_own else COMMITS


# Note [A test's own transaction]
#
# It never commits. There a transaction of the code under test is the outermost atomic() that is not the test
# case's; Django marks those with ``_from_testcase``, for its ``durable``. Pending hooks would disturb tests
# that look at them, so the block itself is the key: its savepoint's name, which no other has; or for
# ``savepoint=False`` the block object.
