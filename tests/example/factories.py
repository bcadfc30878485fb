"""Rows of the example site, each with only what a test does not care about filled in."""

from datetime import date

from django.core.files.uploadedfile import SimpleUploadedFile

from example_site.inspections.models import Building, Inspection, User

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 32
WEBP = b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 32
PASSWORD = "a password for tests"
FACILITY = "facility@tower7.example"


def make_user(username: str, role: str = User.Role.INSPECTOR, **values) -> User:
    return User.objects.create_user(
        username,
        f"{username}@example.com",
        PASSWORD,
        **{"first_name": username.title(), "last_name": "North", "role": role, **values},
    )


def make_building(owner: User, **values) -> Building:
    return Building.objects.create(
        owner=owner,
        **{
            "name": "Tower 7",
            "address": "7 Station Square",
            "facility_email": FACILITY,
            "licence_number": "T7-2026",
            **values,
        },
    )


def make_inspection(building: Building, inspector: User, reviewer: User, **values) -> Inspection:
    return Inspection.objects.create(
        building=building,
        inspector=inspector,
        reviewer=reviewer,
        **{"title": "Fire safety, Tower 7", "scheduled_for": date(2026, 11, 20), **values},
    )


def upload(content: bytes = PNG, name: str = "photo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")
