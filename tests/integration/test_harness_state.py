"""Nothing of one test is left for the next, also when it fails in the middle."""

import pytest
from django.core import mail

pytest_plugins = ["pytester"]

LEAVES_EVERYTHING = """
    from datetime import timedelta
    from django.core import mail
    from notifyaudit import clock, transport, waking

    def leave_everything(audit_outbox, order):
        mail.outbox.append("of another test")
        services.pay(order)
        audit_outbox.one()
        audit_outbox.clear()
        audit_outbox.advance(timedelta(days=400))
        audit_outbox.smtp_fails(550, times=None)
        services.pay(order)
        audit_outbox.assert_not_sent(because="failed")
        assert order is None

    def is_clean():
        assert clock._ahead == timedelta(0)
        assert transport._replacement.get() is None
        assert mail.outbox == []
        assert waking._suspended == 1

"""

OF_PYTEST = f"""{LEAVES_EVERYTHING}
    @pytest.mark.parametrize("transaction", [False, True])
    def test_breaks_off(request, transaction):
        if transaction:
            request.getfixturevalue("transactional_db")
        leave_everything(request.getfixturevalue("audit_outbox"), Order.objects.create())

    def test_without_the_fixture():
        is_clean()

    def test_afterwards(audit_outbox, order, mailoutbox):
        audit_outbox.assert_nothing_sent()
        assert audit_outbox.recorded() == []
        services.pay(order)
        audit_outbox.one()
        assert len(mailoutbox) == 1
"""

MORE_OF_PYTEST = """
    @pytest.mark.django_db
    def test_breaks_off_in_a_fixture_after_it(broken): pass

    @pytest.fixture
    def broken(audit_outbox, order):
        leave_everything(audit_outbox, order)

    def test_once_more(audit_outbox):
        audit_outbox.assert_nothing_sent()
"""


def test_under_pytest(run_pytest):
    result = run_pytest(OF_PYTEST + MORE_OF_PYTEST)
    result.assert_outcomes(failed=2, errors=1, passed=3)
    assert str(result.stdout).count(">       assert order is None") == 3


def test_under_djangos_runner(run_django):
    result = run_django(
        f"""{LEAVES_EVERYTHING}
    class A_Breaks(AuditOutboxMixin, TestCase):
        def test_it(self):
            leave_everything(self.audit_outbox, Order.objects.create())

    class B_Breaks(AuditOutboxMixin, TransactionTestCase):
        def test_it(self):
            leave_everything(self.audit_outbox, Order.objects.create())

    class C_Afterwards(AuditOutboxMixin, TestCase):
        def test_it(self):
            self.audit_outbox.assert_nothing_sent()
            services.pay(Order.objects.create())
            self.audit_outbox.one()
            self.audit_outbox.assert_no_more()

    class D_Without(SimpleTestCase):
        def test_it(self):
            assert clock._ahead == timedelta(0)
            assert transport._replacement.get() is None
            assert waking._suspended == 0
        """
    )
    result.stderr.fnmatch_lines(["FAILED (failures=2)"])
    assert str(result.stderr).count("    assert order is None") == 2
    result.stderr.fnmatch_lines(["Ran 4 tests in *"])


@pytest.mark.django_db
class TestDjangosOutbox:
    def test_it_has_the_same_mails_in_order(self, change, audit_outbox, mailoutbox):
        before = mail.outbox
        change(data={"also": ["a@x.example", "b@x.example"]})
        sent = [email.content.to for email in audit_outbox.all()]
        change()
        mail.send_mail("Ours", "x", "a@x.example", ["c@x.example"])
        audit_outbox.all()
        assert [message.to for message in mailoutbox] == [*sent, ["c@x.example"], ["owner@example.com"]]
        assert mailoutbox is mail.outbox is before

    def test_what_a_test_changes_there_is_not_what_was_sent(self, change, audit_outbox, mailoutbox):
        change()
        email = audit_outbox.one()
        mailoutbox[0].subject = "changed"
        mailoutbox.clear()
        assert audit_outbox.one().subject == email.subject == "Plan A was changed"

    def test_without_one_there_is_one(self, change, audit_outbox, monkeypatch):
        monkeypatch.delattr(mail, "outbox")
        change()
        audit_outbox.one()
        assert len(mail.outbox) == 1
