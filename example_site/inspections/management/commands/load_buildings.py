"""Fills a local database with sample people, buildings and inspections."""

import os
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from example_site.inspections.models import Building, Inspection, Section, User
from notifyaudit import unaudited

# People are called by their part: sample data that looks like real persons ends up in screenshots.
PEOPLE: dict[str, dict[str, Any]] = {
    "inspector": {"first_name": "Inspector", "last_name": "North", "role": User.Role.INSPECTOR},
    "inspector2": {"first_name": "Inspector", "last_name": "South", "role": User.Role.INSPECTOR},
    "reviewer": {"first_name": "Reviewer", "last_name": "East", "role": User.Role.REVIEWER},
    "owner": {"first_name": "Owner", "last_name": "West", "role": User.Role.OWNER},
    "owner2": {"first_name": "Owner", "last_name": "Riverside", "role": User.Role.OWNER},
    "admin": {
        "first_name": "Site",
        "last_name": "Admin",
        "role": User.Role.REVIEWER,
        "is_superuser": True,
        "is_staff": True,
    },
}
BUILDINGS: dict[str, dict[str, str]] = {
    "Tower 7": {
        "address": "7 Station Square",
        "owner": "owner",
        "facility_email": "facility@tower7.example",
        "licence_number": "T7-2026",
    },
    # Without a licence no certificate can be issued, so that completing the survey is refused.
    "Harbour Hall": {"address": "1 Quay Street", "owner": "owner", "licence_number": ""},
    "Mill House": {"address": "12 Mill Lane", "owner": "owner2", "licence_number": "MH-2026"},
}
INSPECTIONS: dict[str, dict[str, Any]] = {
    "Fire safety, Tower 7": {
        "building": "Tower 7",
        "inspector": "inspector",
        "status": Inspection.Status.READY,
        "summary": "All extinguishers were serviced this year. The escape route on the fourth floor is clear."
        "\n\nThe door of stairwell B closes slowly; the closer was adjusted during the visit.",
    },
    "Lift maintenance, Tower 7": {"building": "Tower 7", "inspector": "inspector"},
    "Roof survey, Harbour Hall": {
        "building": "Harbour Hall",
        "inspector": "inspector",
        "status": Inspection.Status.READY,
        "summary": "The flashing on the north side was renewed. No standing water.",
    },
    "Electrical test, Mill House": {"building": "Mill House", "inspector": "inspector2"},
}
SECTIONS: dict[str, list[dict[str, str]]] = {
    "Fire safety, Tower 7": [
        {"title": "Escape routes", "rating": Section.Rating.GOOD, "finding": "Clear and lit on all floors."},
        {
            "title": "Fire doors",
            "rating": Section.Rating.ATTENTION,
            "finding": "The door of stairwell B closes slowly. The closer was adjusted; look at it again in "
            "three months.",
        },
        {
            "title": "Extinguishers",
            "rating": Section.Rating.GOOD,
            "finding": "All 42 were serviced this year.",
        },
    ],
    "Roof survey, Harbour Hall": [
        {
            "title": "Flashing",
            "rating": Section.Rating.GOOD,
            "finding": "Renewed on the north side.",
        },
        {
            "title": "Railing above the loading bay",
            "rating": Section.Rating.CRITICAL,
            "finding": "Two posts have rusted through at the base. Nobody may work there until they are "
            "replaced.",
        },
    ],
}


class Command(BaseCommand):
    help = "Create the sample buildings, inspections and logins. Existing rows stay; passwords are reset."

    def handle(self, **_options: Any) -> None:
        """
        Raises:
            CommandError: outside of DEBUG, because the passwords are known to everybody.
        """
        if not settings.DEBUG:
            raise CommandError("load_buildings makes logins with a public password: it runs with DEBUG only.")
        password = os.environ.get("SAMPLE_PASSWORD") or "demo-password"
        with transaction.atomic(), unaudited("sample data: nobody changed anything"):
            people = {username: _person(username, password) for username in PEOPLE}
            buildings = {name: _building(name, people) for name in BUILDINGS}
            for days, title in enumerate(INSPECTIONS):
                _inspection(title, days, people, buildings)
        self.stdout.write(f"{len(buildings)} buildings, {len(INSPECTIONS)} inspections. Sign in as:")
        for user in people.values():
            part = "superuser" if user.is_superuser else user.get_role_display().lower()
            self.stdout.write(f"  {user.username:<12}{password:<16}{part}")


def _person(username: str, password: str) -> User:
    user, _created = User.objects.get_or_create(
        username=username, defaults={"email": f"{username}@example.com", **PEOPLE[username]}
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _building(name: str, people: dict[str, User]) -> Building:
    values = BUILDINGS[name]
    building, _created = Building.objects.get_or_create(
        name=name, defaults={**values, "owner": people[values["owner"]]}
    )
    return building


def _inspection(title: str, days: int, people: dict[str, User], buildings: dict[str, Building]) -> None:
    values = INSPECTIONS[title]
    inspection, created = Inspection.objects.get_or_create(
        title=title,
        building=buildings[values["building"]],
        defaults={
            **values,
            "building": buildings[values["building"]],
            "inspector": people[values["inspector"]],
            "reviewer": people["reviewer"],
            "scheduled_for": timezone.localdate() + timedelta(days=days - 2),
        },
    )
    if created:
        for position, section in enumerate(SECTIONS.get(title, []), start=1):
            inspection.sections.create(position=position, **section)
