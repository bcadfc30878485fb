"""Mails as their readers get them: the shipped layout, the digest and those of the example site."""

from collections.abc import Iterator
from datetime import date
from functools import cache

from django.template.backends.django import DjangoTemplates
from django.utils import translation

from example_site.inspections import samples
from example_site.inspections.actions import InspectionAction, PhotoAction, SectionAction
from example_site.inspections.emails import InspectionCompletedEmail
from notifyaudit import AuditEmail, DigestEmail
from notifyaudit.inlining import inlined
from notifyaudit.models import Reason
from notifyaudit.registry import emails

_BEGINNING = (
    "The fire door on the third floor does not close by itself since its hinge was painted over. " * 3
)
_ARABIC = "باب الحريق في الطابق الثالث لا يُغلق تلقائيًا منذ طلاء المفصلة. " * 4

# What stands in a project's template; the words are each language's own.
_TEMPLATE = """{% extends "notifyaudit/email.html" %}
{% block logo %}
<img src="https://site.example/logo.png" class="logo" width="120" height="32" alt="{{ words.site }}">
{% endblock %}
{% block heading %}{{ words.heading }}{% endblock %}
{% block content %}<p>{{ words.intro }} <a href="https://site.example/">{{ words.link }}</a></p>
{% include "notifyaudit/changes.html" %}
<table role="presentation" class="quote"><tr><td><p>{{ words.quote }}</p></td></tr></table>
<h2>{{ words.link }}</h2><ul><li>{{ words.quote }}</li></ul><p class="muted small">{{ words.intro }}</p>
{% endblock %}
{% block buttons %}{% include "notifyaudit/button.html" with url="/" label=words.link %}{% endblock %}
"""

_WORDS = {
    "en": {
        "site": "Building inspections",
        "heading": "Fire safety, Tower 7 was edited",
        "intro": "The inspector changed seven fields.",
        "link": "Open the inspection",
        "quote": "Two extinguishers are missing.",
        "beginning": _BEGINNING,
        "choices": ("Draft", "Completed"),
    },
    "ar": {
        "site": "فحص المباني",
        "heading": "تم تعديل السلامة من الحرائق، البرج 7",
        "intro": "غيّر المفتش سبعة حقول.",
        "link": "افتح الفحص",
        "quote": "طفايتان مفقودتان.",
        "beginning": _ARABIC,
        "choices": ("مسودة", "مكتمل"),
    },
}


@cache
def engine() -> DjangoTemplates:
    """Django's, with the library's own templates and nobody's overrides."""
    return DjangoTemplates({"NAME": "plain", "DIRS": [], "APP_DIRS": True, "OPTIONS": {}})


def of_layout(language: str) -> str:
    """The shipped layout with all that it offers, in English or in Arabic."""
    words = _WORDS[language]
    email = AuditEmail.sample(
        InspectionAction.EDITED,
        target=samples.inspection(),
        recipient=samples.reviewer(),
        reason=Reason.WATCHING,
        changes={
            "kind": words["choices"],
            "summary": (words["beginning"] + "12", words["beginning"] + words["quote"]),
            "link": ("", "https://site.example/" + "alongaddresswithoutaspace" * 6),
            "api_key": ("old", "new"),
            "is_open": (True, False),
            "scheduled_for": (date(2026, 12, 1), date(2026, 12, 4)),
            "certificate_number": ("T7-2026-11", ""),
        },
    )
    email.watched = ("inspections.Inspection", "12")
    with translation.override(language):
        context = {**email.get_context_data(), "words": words}
        return inlined(engine().from_string(_TEMPLATE).render(context))


def of_digest(language: str) -> str:
    """The shipped digest: of something changed, something new and something that happened."""
    events = [
        AuditEmail.sample(action, target=target, actor=samples.inspector(), changes=changes).event
        for action, target, changes in (
            (InspectionAction.EDITED, samples.inspection(), {"status": ("draft", "ready")}),
            (
                SectionAction.ADDED,
                samples.section(),
                {"title": (None, "Stairwell"), "rating": (None, "good")},
            ),
            (PhotoAction.ADDED, samples.photo(), {}),
        )
    ]
    digest = DigestEmail(recipient_email_list=["reader@example.com"])
    for key, event in enumerate(events, start=1):
        event.pk = key
    digest.events, digest.event, digest.reason = tuple(events), events[-1], Reason.WATCHING
    with translation.override(language):
        template = engine().get_template("notifyaudit/digest.html")
        return inlined(template.render(digest.get_context_data()))


def of_completion(language: str) -> str:
    """One of the example site, with its own logo and colours, by Jinja2."""
    email = InspectionCompletedEmail.preview()
    email.get_translation = lambda: language
    return html_of(email)


def html_of(email: AuditEmail) -> str:
    return str(email.build().alternatives[0][0])


def of_example(language: str) -> Iterator[tuple[str, str]]:
    """The key and the HTML of each mail of the example site, the project's digest among them."""
    for email_class in emails:
        if not email_class.__module__.startswith(("example_site.", "notifyaudit.")):
            continue
        email = email_class.preview()
        if email is not None:
            email.get_translation = lambda: language
            yield email.key, html_of(email)
