"""factory_boy: factories arrange audited models, and forget no event by it."""

import factory
import pytest
from factory.django import DjangoModelFactory

from example_site.inspections.emails import InspectionCompletedEmail
from example_site.inspections.models import Building, Inspection, User

pytestmark = pytest.mark.django_db


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence("user{}".format)
    email = factory.LazyAttribute("{0.username}@x.example".format)


class BuildingFactory(DjangoModelFactory):
    class Meta:
        model = Building

    name = factory.Faker("street_name")
    address = factory.Faker("street_address")
    licence_number = "T7-2026"
    facility_email = "facility@x.example"
    owner = factory.SubFactory(UserFactory, role=User.Role.OWNER)


class InspectionFactory(DjangoModelFactory):
    class Meta:
        model = Inspection

    title = factory.Sequence("Inspection {}".format)
    status = Inspection.Status.READY
    scheduled_for = "2026-11-20"
    building = factory.SubFactory(BuildingFactory)
    inspector = factory.SubFactory(UserFactory)
    reviewer = factory.SubFactory(UserFactory, role=User.Role.REVIEWER)


def test_what_a_factory_makes_is_told_by_the_code_under_test_alone(audit_outbox):
    inspection, other = InspectionFactory.create_batch(2)
    other.delete()
    audit_outbox.assert_nothing_sent()
    inspection.complete(by=inspection.reviewer)
    email = audit_outbox.one(InspectionCompletedEmail, to=inspection.building.owner, target=inspection)
    email.assert_subject(f"{inspection.title} was completed")


def test_a_user_who_was_only_built_is_nobody(audit_outbox):
    with pytest.raises(ValueError, match="which has no row"):
        audit_outbox.one(to=UserFactory.build())
