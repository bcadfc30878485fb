"""Who is found for an event: everybody who has said something about it, once, and nobody else."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from example_site.inspections.models import User
from notifyaudit import record
from notifyaudit.models import Subscription
from notifyaudit.recipients import Recipient
from notifyaudit.subscribers import Audience
from notifyaudit.subscribing import mute, subscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder

pytestmark = pytest.mark.django_db


def found(event, size=500, keys=()):
    people = [wishes for chunk in Audience(event, keys, size).chunks() for wishes in chunk]
    rows = {wishes.recipient.key: sorted(row.pk for row in wishes.rows) for wishes in people}
    assert len(rows) == len(people), "somebody was found twice"
    return rows


def members(group, number):
    users = [User.objects.create(username=f"{group}{n}") for n in range(number)]
    Group.objects.get_or_create(name=group)[0].user_set.add(*users)
    return users


def test_of_the_action_the_pattern_the_kind_of_email_and_everything(user, document):
    said = [
        subscribe(user, DocumentAction.FILED),
        subscribe(user, "document.*"),
        subscribe(user, "*"),
    ]
    subscribe(user, DocumentAction.REMOVED)
    with email_kind() as kind, email_kind(key="test.other", name="Other") as other:
        said.append(subscribe(user, kind))
        subscribe(user, other)
    said.append(mute(user))
    event = record(DocumentAction.FILED, target=document)
    assert found(event, keys=["test.kind"]) == {f"user:{user.pk}": [row.pk for row in said]}


def test_of_the_object_and_all_it_belongs_to(user, document, folder):
    about = [None, document, folder, folder.parent]
    said = [subscribe(user, DocumentAction.FILED, target=target) for target in about]
    subscribe(user, DocumentAction.FILED, target=Document.objects.create(title="Plan B"))
    # Another model with the same id.
    subscribe(user, DocumentAction.FILED, target=Folder.objects.create(pk=document.pk + 1000, name="F"))
    event = record(DocumentAction.FILED, target=document)
    assert found(event) == {f"user:{user.pk}": [row.pk for row in said]}


def test_only_under_the_condition(user, document):
    said = subscribe(user, DocumentAction.CHANGED, where={"kind": "plan"})
    subscribe(user, DocumentAction.CHANGED, where={"kind": "letter"})
    event = record(DocumentAction.CHANGED, target=document, changes={"kind": ("letter", "plan")})
    assert found(event) == {f"user:{user.pk}": [said.pk]}


def test_the_members_of_a_group_as_of_now():
    one, two = members("reviewers", 2)
    group = Group.objects.get()
    row = subscribe(group, DocumentAction.FILED)
    own = subscribe(two, DocumentAction.FILED)
    unmet = subscribe(one, DocumentAction.FILED, where={"kind": "plan"})
    event = record(DocumentAction.FILED)
    assert found(event) == {f"user:{one.pk}": [row.pk], f"user:{two.pk}": [row.pk, own.pk]}
    group.user_set.remove(one)
    assert found(event) == {f"user:{one.pk}": [], f"user:{two.pk}": [row.pk, own.pk]}
    assert unmet.pk


def test_what_those_have_said_who_are_named(user, other):
    (member,) = members("reviewers", 1)
    own = subscribe(user, DocumentAction.FILED)
    groups = subscribe(Group.objects.get(), DocumentAction.FILED)
    subscribe("someone@x.example", DocumentAction.FILED)
    event = record(DocumentAction.FILED)
    recipients = [Recipient.of(each) for each in (user, other, member, "nobody@x.example")]
    for size in (1, 500):
        rows = Audience(event, (), size).of(recipients)
        assert {key: [row.pk for row in found] for key, found in rows.items()} == {
            f"user:{user.pk}": [own.pk],
            f"user:{other.pk}": [],
            f"user:{member.pk}": [groups.pk],
            "mail:nobody@x.example": [],
        }


SAID = st.lists(
    st.tuples(
        st.sampled_from(["user", "group", "mail"]),
        st.integers(0, 3),
        st.sampled_from([DocumentAction.FILED, "document.*", "*", None, DocumentAction.REMOVED]),
        st.sampled_from([0, 1, 2, 3]),
        st.sampled_from([None, {"kind": "plan"}, {"kind": "letter"}]),
    ),
    max_size=25,
)


@pytest.mark.django_db(transaction=False)
@given(said=SAID, size=st.integers(1, 4), belongs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_page_at_a_time_finds_the_same_as_all_at_once(said, size, belongs):
    Subscription.objects.all().delete()
    User.objects.all().delete()
    Group.objects.all().delete()
    outer = Folder.objects.create(name="Outer")
    folder = Folder.objects.create(name="Inner", parent=outer)
    document = Document.objects.create(title="Plan", folder=folder)
    targets = [None, document, folder, outer]
    users = [User.objects.create(username=str(n)) for n in range(4)]
    groups = [Group.objects.create(name=str(n)) for n in range(4)]
    mails = [f"{name}@x.example" for name in ("a_b", "ab", "B", "ä")]
    for user, group in belongs:
        groups[group].user_set.add(users[user])
    people = {"user": users, "group": groups, "mail": mails}
    for kind, number, what, target, where in said:
        if what is None:
            mute(people[kind][number], target=targets[target])
        else:
            subscribe(people[kind][number], what, target=targets[target], where=where)
    event = record(DocumentAction.FILED, target=document, changes={"kind": ("letter", "plan")})
    in_pages, at_once = found(event, size), found(event)
    assert {key: rows for key, rows in in_pages.items() if rows} == {
        key: rows for key, rows in at_once.items() if rows
    }
    met = Subscription.objects.exclude(name=DocumentAction.REMOVED).exclude(condition={"kind": "letter"})
    assert {pk for rows in in_pages.values() for pk in rows} == {
        row.pk for row in met if not row.group_id or User.objects.filter(groups=row.group_id).exists()
    }


def test_nobody_costs_one_query_and_few_cost_no_more(user):
    event = record(DocumentAction.FILED)
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            audience = Audience(event, (), 500)
            list(audience.chunks())
            audience.of([Recipient.of(user)])
        assert len(queries) == 1
        subscribe(user, DocumentAction.FILED)
