"""django-waffle: a kind of email that is rolled out by a flag, person by person."""

import logging
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.db import connection
from django.test import modify_settings, override_settings
from django.test.utils import CaptureQueriesContext
from django_pony_express.services.base import BaseEmailService
from hypothesis import given
from hypothesis import strategies as st
from waffle import get_waffle_flag_model
from waffle.models import Flag
from waffle.testutils import override_flag

from example_site.inspections.models import User
from notifyaudit import AuditEmail, DigestEmail, Frequency, record, subscribe
from notifyaudit.contrib.waffle import FlagMixin, is_within
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.models import Message, Notification, Preference
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytest_plugins = ["pytester"]

ADDRESS = "outside@x.example"


def flagged(recipients=(), **attributes):
    """An email class of :func:`email_kind` with the flag ``mails``."""
    attributes = {
        "bases": (FlagMixin, AuditEmail),
        "flag": "mails",
        "subject": "Filed",
        "template_name": "testapp/plain.html",
        "get_recipients": classmethod(lambda cls, event: recipients),
        **attributes,
    }
    return email_kind(recipients, **attributes)


def flag(**values):
    return Flag.objects.create(name="mails", **{"superusers": False, **values})


def route(recipients, **attributes):
    """Why each of them is not told, by key; empty: they are."""
    Notification.objects.all().delete()
    with flagged(recipients, **attributes):
        record(DocumentAction.FILED)
        route_pending()
    return dict(Notification.objects.values_list("recipient_key", "skip_reason"))


def told(*recipients):
    return {each for each, reason in zip(recipients, answers(*recipients), strict=True) if not reason}


def answers(*recipients):
    found = route(list(recipients))
    return [found[f"mail:{each}" if isinstance(each, str) else f"user:{each.pk}"] for each in recipients]


@pytest.mark.django_db
class TestTheOrder:
    """That of the documentation, each step with all later ones against it."""

    def test_a_flag_that_is_missing_counts_as_the_default(self, user):
        assert answers(user, ADDRESS) == ["flag", "flag"]
        with override_settings(WAFFLE_FLAG_DEFAULT=True):
            assert answers(user, ADDRESS) == ["", ""]

    def test_everyone_goes_before_all_else(self, user):
        flag(everyone=False, authenticated=True, percent=Decimal("99.9")).users.add(user)
        assert answers(user, ADDRESS) == ["flag", "flag"]
        Flag.objects.update(everyone=True, authenticated=False, percent=0)
        assert answers(user, ADDRESS) == ["", ""]

    @pytest.mark.parametrize(
        ("values", "which"),
        [
            ({"authenticated": True}, {"root", "staff", "plain"}),
            ({"staff": True}, {"staff"}),
            ({"superusers": True}, {"root"}),
            ({}, set()),
        ],
    )
    def test_what_the_flag_says_of_users(self, values, which, db):
        root = User.objects.create(username="root", email="r@x.example", is_superuser=True)
        staff = User.objects.create(username="staff", email="s@x.example", is_staff=True)
        plain = User.objects.create(username="plain", email="p@x.example")
        flag(**values)
        assert {user.username for user in told(root, staff, plain)} == which
        assert answers(ADDRESS) == ["flag"]

    def test_its_users_and_the_members_of_its_groups(self, user, other):
        third = User.objects.create(username="third", email="t@x.example")
        beta = Group.objects.create(name="beta")
        beta.user_set.add(other)
        Group.objects.create(name="alpha").user_set.add(third)
        mails = flag()
        mails.users.add(user)
        assert told(user, other, third) == {user}
        mails.groups.add(beta)
        assert told(user, other, third) == {user, other}

    def test_who_reads_in_one_of_its_languages(self, user, other):
        Preference.objects.create(user=user, language="de")
        flag(languages="de, fr")
        assert told(user, other, ADDRESS) == {user}
        Flag.objects.update(languages="de,fr,en-us,en,en-gb")
        assert told(user, other, ADDRESS) == {user, other, ADDRESS}

    def test_the_percentage_comes_last_and_is_the_same_each_time(self, db):
        users = [User.objects.create(username=f"u{n}", email=f"u{n}@x.example") for n in range(40)]
        addresses = [f"a{n}@x.example" for n in range(40)]
        flag(percent=Decimal(30))
        first = told(*users, *addresses)
        assert 8 <= len(first) <= 40
        assert first == told(*users, *addresses)
        assert first & set(addresses)
        Flag.objects.update(percent=Decimal(60))
        assert first < told(*users, *addresses)
        Flag.objects.update(percent=None)
        assert told(*users, *addresses) == set()

    def test_what_only_a_request_can_say_is_not_asked(self, user):
        with override_settings(WAFFLE_OVERRIDE=True):
            flag(testing=True, rollout=True)
            assert answers(user) == ["flag"]


class TestTheShare:
    @given(st.integers(0, 999), st.integers(0, 999), st.text(max_size=8), st.integers(1, 10**9))
    def test_who_is_in_stays_in_when_it_grows(self, one, another, name, pk):
        small, large = sorted((Decimal(one) / 10, Decimal(another) / 10))
        assert is_within(large, name, f"user:{pk}") >= is_within(small, name, f"user:{pk}")

    def test_it_is_as_large_as_it_says_and_each_flag_has_its_own(self):
        keys = [f"user:{pk}" for pk in range(10_000)]
        one, another = ({key for key in keys if is_within(20, name, key)} for name in ("a", "b"))
        assert 1_880 < len(one) < 2_120
        assert 300 < len(one & another) < 500
        assert not any(is_within(None, "a", key) or is_within(0, "a", key) for key in keys)
        assert all(is_within(100, "a", key) for key in keys)

    def test_another_release_draws_the_same(self):
        drawn = [pk for pk in range(1, 40) if is_within(Decimal("12.5"), "mails", f"user:{pk}")]
        assert drawn == DRAWN


DRAWN = [6, 8, 16, 20, 25, 30, 39]


@pytest.mark.django_db
class TestWhenItIsAsked:
    def test_it_is_asked_again_when_the_mail_leaves(self, user, other, mailoutbox):
        mails = flag()
        mails.users.add(user, other)
        with flagged([user, other]):
            record(DocumentAction.FILED)
            route_pending()
            mails.users.remove(user)
            assert send_due() == {"sent": 1, "cancelled": 1}
        assert [mail.to for mail in mailoutbox] == [[other.email]]
        assert Notification.objects.get(recipient_id=user.pk).skip_reason == "flag"

    @override_settings(
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "here"}}
    )
    def test_a_flag_changed_by_another_process_counts_at_once(self, user):
        flag(everyone=True)
        assert get_waffle_flag_model().get("mails").everyone is True  # waffle keeps it from now on
        Flag.objects.update(everyone=False)  # as another process does it, in whose memory our cache is not
        assert get_waffle_flag_model().get("mails").everyone is True
        assert answers(user) == ["flag"]

    def test_waffles_own_override_in_tests(self, user, audit_outbox):
        with flagged([user]):
            with override_flag("mails", active=True):
                record(DocumentAction.FILED)
                audit_outbox.one(to=user)
            audit_outbox.clear()
            with override_flag("mails", active=False):
                record(DocumentAction.FILED)
                audit_outbox.assert_not_sent(to=user, because="flag")

    def test_the_harness_names_the_reason_in_a_failure(self, user, audit_outbox):
        with flagged([user]):
            record(DocumentAction.FILED)
            with pytest.raises(AssertionError, match=r"flag \(the feature is not switched on for them\)"):
                audit_outbox.one(to=user)

    def test_an_event_that_is_withheld_is_in_no_digest(self, user, document, audit_outbox):
        mails = flag()
        subscribe(user, "document.*", frequency=Frequency.DAILY)
        with flagged(), email_kind(actions=[DocumentAction.REMOVED], key="test.open", name="OpenEmail"):
            record(DocumentAction.FILED, target=document)
            record(DocumentAction.REMOVED, target=document)
            audit_outbox.assert_not_sent(to=user, because="flag")
            digest = audit_outbox.close_digests().one(to=user)
            digest.assert_contains("Document removed")
            digest.assert_not_contains("Document filed")

            audit_outbox.clear()
            mails.users.add(user)
            record(DocumentAction.FILED, target=document)
            record(DocumentAction.REMOVED, target=document)
            audit_outbox.assert_not_sent(to=user, because="waiting")
            mails.users.clear()
            digest = audit_outbox.close_digests().one(to=user)
            digest.assert_not_contains("Document filed")
        reasons = Notification.objects.filter(email_key="test.kind").values_list("skip_reason", flat=True)
        assert list(reasons) == ["flag", "flag"]

    def test_whoever_does_not_get_the_new_mail_gets_the_old_one(self, user, other):
        flag().users.add(user)
        for each in (user, other):
            subscribe(each, DocumentAction.FILED)
        with flagged(key="test.new"), email_kind(key="test.old", actions=["document.*"], name="OldEmail"):
            record(DocumentAction.FILED)
            route_pending()
        assert set(Notification.objects.values_list("email_key", "recipient_id", "skip_reason")) == {
            ("test.new", str(user.pk), ""),
            ("test.new", str(other.pk), "flag"),
            ("test.old", str(other.pk), ""),
        }

    def test_a_mandatory_mail_has_its_flag_as_well(self, user):
        assert route([user], mandatory=True) == {f"user:{user.pk}": "flag"}

    def test_of_a_user_who_is_gone_the_ledger_says_that(self, user, other):
        with flagged([user]):
            flag().users.add(user)
            record(DocumentAction.FILED)
            route_pending()
            user.delete()
            assert send_due() == {"cancelled": 1}
        assert Notification.objects.get().skip_reason == "deleted"

    def test_flag_and_permission(self, user, other):
        flag().users.add(user)
        assert route([user, other], permission="testapp.view_document") == {
            f"user:{user.pk}": "permission",
            f"user:{other.pk}": "permission",
        }
        only_users = classmethod(lambda cls, recipients, event: recipients)
        assert route([user, other], filter_recipients=only_users) == {
            f"user:{user.pk}": "",
            f"user:{other.pk}": "flag",
        }

    def test_a_flag_that_cannot_be_read_loses_no_mail(self, user, audit_outbox):
        with flagged([user]):
            with override_settings(WAFFLE_FLAG_MODEL="nowhere.Flag"):
                record(DocumentAction.FILED)
                route_pending()
            failure = Notification.objects.get()
            assert "WAFFLE_FLAG_MODEL refers to model 'nowhere.Flag'" in failure.error
            flag(everyone=True)
            audit_outbox.advance(failure.retry_at - failure.created_at)
            audit_outbox.one(to=user)


@pytest.mark.django_db
class TestAMissingFlag:
    def test_is_logged_as_waffle_logs_it(self, user, caplog):
        with override_settings(WAFFLE_LOG_MISSING_FLAGS=logging.WARNING):
            answers(user)
        assert ("waffle", logging.WARNING, "Flag mails not found") in caplog.record_tuples

    @pytest.mark.parametrize("default", [True, False])
    def test_is_made_as_waffle_makes_it(self, user, default):
        with override_settings(WAFFLE_CREATE_MISSING_FLAGS=True, WAFFLE_FLAG_DEFAULT=default):
            assert answers(user) == ["" if default else "flag"]
        assert Flag.objects.get().everyone is default


@pytest.mark.django_db
def test_many_recipients_cost_no_query_each():
    users = [User(username=f"u{n}", email=f"u{n}@x.example") for n in range(1_200)]
    User.objects.bulk_create(users)
    everybody = User.objects.all()

    def queries(**attributes):
        with CaptureQueriesContext(connection) as captured:
            route(everybody, **attributes)
        return len(captured)

    mails = flag(percent=Decimal(50), superusers=True, staff=True, languages="de")
    mails.users.add(*User.objects.all()[:3])
    mails.groups.add(Group.objects.create(name="beta"))
    without = queries(bases=(AuditEmail,))
    chunks = 3
    assert queries() - without <= 6 * chunks
    Flag.objects.update(everyone=True)
    assert queries() - without == chunks


@pytest.mark.django_db
def test_a_batch_of_mails_asks_once(user, django_assert_max_num_queries):
    flag(authenticated=True)
    people = [User.objects.create(username=f"u{n}", email=f"u{n}@x.example") for n in range(30)]
    with flagged(people):
        record(DocumentAction.FILED)
        record(DocumentAction.FILED)
        route_pending()
        with CaptureQueriesContext(connection) as captured:
            assert send_due() == {"sent": 60}
    assert sum("waffle_flag" in query["sql"] for query in captured) <= 4
    assert not Message.objects.exclude(status="sent").exists()


class TestMistakes:
    def test_the_mixin_behind_the_base_is_refused_with_the_mend(self):
        with pytest.raises(ConfigurationError, match=r"class Late\(FlagMixin, AuditEmail\)"):
            type("Late", (AuditEmail, FlagMixin), {"flag": "mails", "__module__": __name__})

    def test_also_behind_a_base_of_ones_own(self):
        class OwnEmail(AuditEmail):
            pass

        class Flagged(FlagMixin):
            flag = "mails"

        with pytest.raises(ConfigurationError, match=r"class Late\(Flagged, OwnEmail\)"):
            type("Late", (OwnEmail, Flagged), {"__module__": __name__})
        type("Right", (Flagged, OwnEmail), {"__module__": __name__})

    def test_a_service_of_pony_express_may_stand_between(self):
        class Service(BaseEmailService):
            subject = "From the service"

        kind = type("Between", (FlagMixin, Service, AuditEmail), {"flag": "mails", "__module__": __name__})
        assert kind.subject == "From the service"

    def test_a_digest_has_no_flag(self):
        with pytest.raises(ConfigurationError, match="is a digest, and has no flag of its own"):
            type("FlaggedDigest", (FlagMixin, DigestEmail), {"flag": "mails", "__module__": __name__})

    @pytest.mark.parametrize("name", [None, 5, ["mails"]])
    def test_a_flag_is_called_by_a_string(self, name):
        with pytest.raises(ConfigurationError, match="must be the name of a flag"):
            type("Wrong", (FlagMixin, AuditEmail), {"flag": name, "__module__": __name__})

    def messages(self):
        return [
            (message.id, str(message.msg))
            for message in run_checks(tags=["notifyaudit"])
            if message.id in {"notifyaudit.E016", "notifyaudit.E017"}
        ]

    def test_a_class_without_its_flag_is_told_at_start(self):
        with flagged(flag=""):
            ((identifier, text),) = self.messages()
        assert identifier == "notifyaudit.E016"
        assert "FiledEmail is a FlagMixin and has no flag" in text

    def test_a_base_for_others_needs_none(self):
        with flagged(flag="", actions=[]):
            assert self.messages() == []

    @pytest.mark.django_db
    def test_and_fails_where_it_is_not_looked_at(self, user):
        with flagged([user], flag=""):
            record(DocumentAction.FILED)
            route_pending()
        assert "FiledEmail has no flag" in Notification.objects.get().error

    def test_waffle_must_be_installed(self):
        with modify_settings(INSTALLED_APPS={"remove": "waffle"}), flagged():
            ((identifier, text),) = self.messages()
        assert identifier == "notifyaudit.E017"
        assert "'waffle.Flag' that has not been installed" in text

    def test_the_flag_model_must_be_there(self):
        with override_settings(WAFFLE_FLAG_MODEL="Flag"), flagged():
            ((_, text),) = self.messages()
        assert "must be of the form 'app_label.model_name'" in text

    def test_with_waffle_all_is_well(self):
        with flagged():
            assert self.messages() == []


OWN_MODEL = """
    from decimal import Decimal

    import pytest
    from django.contrib.auth.models import Group, User
    from notifyaudit import record
    from shop.models import Order, OrderAction, ShopFlag

    def test_an_own_flag_model_decides(people, pay, audit_outbox):
        ShopFlag.objects.create(name="mails", superusers=False, only="reader1")
        pay("Order 1")
        assert {email.recipient.username for email in audit_outbox.all()} == {
            user.username for user in people if user.username.startswith("reader1")
        }
        audit_outbox.assert_not_sent(to=people[20], because="flag")

    def test_it_may_say_no_to_whom_the_percentage_would_take(people, pay, audit_outbox):
        ShopFlag.objects.create(name="mails", superusers=False, percent=Decimal("99.9"), banned="reader7")
        pay("Order 1")
        audit_outbox.assert_not_sent(to=people[27], because="flag")
        assert len(audit_outbox.all()) >= 18

    def test_the_languages_go_before_it(people, pay, audit_outbox):
        ShopFlag.objects.create(name="mails", superusers=False, languages="en-us", banned="reader7")
        pay("Order 1")
        audit_outbox.one(to=people[27])

    def test_users_and_groups_as_ever(people, pay, audit_outbox):
        flag = ShopFlag.objects.create(name="mails", superusers=False)
        flag.users.add(people[21])
        group = Group.objects.create(name="beta")
        people[22].groups.add(group)
        flag.groups.add(group)
        pay("Order 1")
        assert {email.recipient.username for email in audit_outbox.all()} == {"reader1", "reader2"}
"""


def test_a_flag_model_of_ones_own(run):
    from tests.integration.company.conftest import FILES

    own = """
        from waffle.models import AbstractUserFlag

        class ShopFlag(AbstractUserFlag):
            only = models.CharField(max_length=50, blank=True)
            banned = models.CharField(max_length=50, blank=True)

            def is_active_for_user(self, user):
                if self.banned and user.username == self.banned:
                    return False
                if self.only and user.username.startswith(self.only):
                    return True
                return super().is_active_for_user(user)
        """
    kind = FILES["shop/emails.py"].replace("(AuditEmail)", "(FlagMixin, AuditEmail)")
    kind = kind.replace("actions =", 'flag = "mails"\n            actions =')
    changed = {
        "settings.py": FILES["settings.py"].replace('"zeal"', '"zeal", "waffle"')
        + 'WAFFLE_FLAG_MODEL = "shop.ShopFlag"\n        MIGRATION_MODULES["waffle"] = None\n',
        "shop/models.py": FILES["shop/models.py"] + own,
        "shop/emails.py": "\n        from notifyaudit.contrib.waffle import FlagMixin" + kind,
    }
    run(OWN_MODEL, "-q", **changed).assert_outcomes(passed=4)
