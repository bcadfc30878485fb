"""The harness for Django's own test cases."""

import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from django.test import TransactionTestCase

from notifyaudit.forgotten import is_reported_elsewhere
from notifyaudit.testing.forgotten import ForgottenWrites
from notifyaudit.testing.outbox import AuditOutbox
from notifyaudit.waking import wake_ups_suspended

if TYPE_CHECKING:
    _Base = TransactionTestCase
else:
    _Base = object


class _UntilSetUp:
    """Stands for the outbox of a test whose setUp() has not reached that of the mixin."""

    def __get__(self, test: object, owner: type) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__} has no audit_outbox yet; call super().setUp() first in its setUp()"
        )


class AuditOutboxMixin(_Base):
    """
    Gives a ``TestCase`` or a ``TransactionTestCase`` its ``self.audit_outbox``::

        class InspectionTest(AuditOutboxMixin, TestCase):
            def test_owner_is_told(self):
                self.inspection.complete(by=self.inspector)
                self.audit_outbox.one(InspectionCompletedEmail, to=self.owner)

    No wake-up is enqueued in such a test. One that writes to an ``@audited`` model without an event fails.

    Raises:
        TypeError: when a class is defined that has no database, or has the mixin behind its test case.
    """

    audit_outbox: AuditOutbox

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bases = [base for base in cls.__mro__ if base in {AuditOutboxMixin, TransactionTestCase}]
        if bases == [AuditOutboxMixin] and issubclass(cls, unittest.TestCase):
            raise TypeError(
                f"{cls.__name__} has no database; AuditOutboxMixin needs django.test.TestCase or "
                "TransactionTestCase."
            )
        if bases == [TransactionTestCase, AuditOutboxMixin]:
            raise TypeError(
                f"Put AuditOutboxMixin in front of the test case: class {cls.__name__}(AuditOutboxMixin, …)."
            )

    if not TYPE_CHECKING:
        audit_outbox = _UntilSetUp()

    @classmethod
    def setUpClass(cls) -> None:
        # From here on, so that setUpTestData() may record.
        cls.enterClassContext(wake_ups_suspended())
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.audit_outbox = self.enterContext(AuditOutbox.opened())
        if is_reported_elsewhere():  # by the pytest plugin
            return
        writes = self.enterContext(ForgottenWrites.watching(Path.cwd()))
        self.addCleanup(self._fail_if_forgotten, writes)

    def _fail_if_forgotten(self, writes: ForgottenWrites) -> None:
        if failure := writes.take():
            self.fail(failure)
