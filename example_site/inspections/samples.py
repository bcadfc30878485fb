"""What the previews of mails speak of: a building, people, an inspection. The database has none of it."""

from datetime import UTC, date, datetime

from django.core.files.base import ContentFile

from example_site.inspections.models import Building, Inspection, Photo, Report, Section, User


def inspector() -> User:
    return User(
        pk=1, username="inspector", first_name="Inspector", last_name="North", email="inspector@example.com"
    )


def reviewer() -> User:
    return User(
        pk=2, username="reviewer", first_name="Reviewer", last_name="North", email="reviewer@example.com"
    )


def owner() -> User:
    return User(pk=3, username="owner", first_name="Owner", last_name="North", email="owner@example.com")


def inspection(status: str = Inspection.Status.READY) -> Inspection:
    building = Building(pk=7, name="Tower 7", address="7 Station Square", owner=owner())
    return Inspection(
        pk=12,
        building=building,
        title="Fire safety, Tower 7",
        scheduled_for=date(2026, 12, 4),
        inspector=inspector(),
        reviewer=reviewer(),
        status=status,
        summary="Doors close by themselves.\nTwo extinguishers are missing.",
        certificate_number="T7-2026-12" if status == Inspection.Status.COMPLETED else "",
    )


def section() -> Section:
    return Section(
        pk=31,
        inspection=inspection(),
        title="Stairwell",
        rating=Section.Rating.CRITICAL,
        finding="The fire door does not close.",
    )


def photo() -> Photo:
    return Photo(pk=41, inspection=inspection(), caption="Stairwell")


def report() -> Report:
    return Report(
        pk=51,
        inspection=inspection(),
        file=ContentFile(b"%PDF-1.7", name="report.pdf"),
        created_by=reviewer(),
        created_at=datetime(2026, 12, 4, 9, 30, tzinfo=UTC),
    )
