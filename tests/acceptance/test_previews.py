"""The previews in a browser: what is chosen is shown, large and small, with JavaScript and without."""

import pytest

from example_site.inspections.actions import InspectionAction
from example_site.inspections.emails import InspectionCompletedEmail, InspectionEditedEmail
from example_site.settings.mail import smtp
from notifyaudit import record
from notifyaudit.models import Message
from tests.acceptance.browser import violations
from tests.integration.kinds import email_kind

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/notifyaudit/previews/"
SIZES = {"phone": (360, 780), "tablet": (768, 1024), "desktop": (1280, 900)}
POLICY = "default-src 'self'; base-uri 'none'; frame-ancestors 'self'; form-action 'self'"


@pytest.fixture(autouse=True)
def languages(settings):
    settings.LANGUAGES = [("en-gb", "English"), ("de", "German"), ("ar", "Arabic")]


@pytest.fixture
def staff(reviewer):
    reviewer.is_staff = reviewer.is_superuser = True
    reviewer.save()
    return reviewer


@pytest.fixture
def open_page(new_page, staff):
    """A function that opens a page for staff, under a policy that forbids all inline."""

    def open_page(path, size="desktop", scheme="light", **options):
        page = new_page(staff, SIZES[size], color_scheme=scheme, **options)
        page.route("**/previews/**", with_policy)
        page.goto(path)
        return page

    return open_page


def with_policy(route):
    # As a project's middleware: a page that brings its own keeps it.
    response = route.fetch(max_redirects=0)
    route.fulfill(response=response, headers={"content-security-policy": POLICY, **response.headers})


def url_of(email_class):
    return f"{LIST}{email_class.key}/"


def mail(page):
    return page.frame_locator("iframe")


def colour(page, what="body"):
    return mail(page).locator(what).evaluate("each => getComputedStyle(each).backgroundColor")


def chosen(page):
    return page.locator(
        ".notifyaudit-segments [aria-current], .notifyaudit-tabs [aria-current]"
    ).all_inner_texts()


def choose(page, name):
    """Clicks, and waits until the choice is marked."""
    page.get_by_role("link", name=name, exact=True).click()
    page.locator("[aria-current]", has_text=name).wait_for()


def test_somebody_looks_at_a_mail_from_all_sides(open_page, complaints):
    page = open_page(LIST)
    page.get_by_role("link", name="Edited inspections").click()
    mail(page).get_by_role("heading", name="Fire safety, Tower 7 was edited").wait_for()
    assert chosen(page) == ["British English", "Desktop", "Light", "Mail"]
    page.evaluate("window.sameDocument = true")
    light = colour(page, ".ground >> nth=0")

    choose(page, "Dark")
    mail(page).get_by_role("heading").wait_for()
    assert colour(page, ".ground >> nth=0") != light
    choose(page, "Deutsch")
    mail(page).get_by_text("1. Dezember 2026").wait_for()
    choose(page, "Phone")
    assert page.locator("iframe").bounding_box()["width"] == 362
    assert page.evaluate("document.activeElement.id") == "width-phone"

    choose(page, "Text")
    assert "1. Dezember 2026 → 4. Dezember 2026" in page.get_by_role("region", name="Text").inner_text()
    choose(page, "Headers")
    page.get_by_text("auto-generated").wait_for()
    choose(page, "Source")
    assert "Content-Language: de" in page.get_by_role("region", name="Source").inner_text()
    assert chosen(page) == ["Deutsch", "Phone", "Dark", "Source"]
    assert page.evaluate("window.sameDocument"), "it was no new page"
    page.go_back()
    page.locator("[aria-current]", has_text="Headers").wait_for()
    assert not complaints


def test_what_is_chosen_is_shown_without_a_script(open_page, inspection):
    record(InspectionAction.EDITED, target=inspection, changes={"title": ("Lift", "Fire safety")})
    page = open_page(url_of(InspectionEditedEmail), "phone", java_script_enabled=False)
    choose(page, "Phone")
    assert page.locator("iframe").bounding_box()["width"] == 360
    page.get_by_label("About").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    mail(page).get_by_text("Lift").wait_for()
    assert "Phone" in chosen(page)


def test_an_event_is_chosen_in_place(open_page, complaints, inspection):
    record(InspectionAction.EDITED, target=inspection, changes={"title": ("Lift", "Fire safety")})
    page = open_page(url_of(InspectionEditedEmail))
    page.evaluate("window.sameDocument = true")
    page.get_by_label("About").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    mail(page).get_by_text("Lift").wait_for()
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("document.activeElement.id") == "show"
    assert not complaints


def test_a_mail_can_do_nothing_in_its_frame(open_page, complaints):
    def build(self):
        message = super(type(self), self).build()
        html = "<html><body><p id='p'>quiet</p><script>p.textContent = 'loud'</script></body></html>"
        message.alternatives = [(html, "text/html")]
        return message

    with email_kind(preview=classmethod(lambda cls: cls.sample(data={"note": "x"})), build=build) as kind:
        page = open_page(url_of(kind))
        assert mail(page).locator("#p").inner_text() == "quiet"
    assert all("script" in said.lower() for said in complaints)


def test_it_is_sent_to_whoever_asks(open_page, complaints, staff, server, settings):
    for name, value in smtp(host="127.0.0.1", port=server.port).items():
        setattr(settings, name, value)
    page = open_page(url_of(InspectionCompletedEmail), "phone")
    choose(page, "Deutsch")
    page.get_by_role("button", name="Send it to me").click()
    page.get_by_role("status").filter(has_text=f"It was sent to {staff.email}.").wait_for()
    sent = server.next_mail()
    assert sent["to"] == [staff.email]
    assert "Subject: [Preview] Fire safety, Tower 7 was completed" in sent["content"]
    assert "Content-Language: de" in sent["content"]
    assert "Deutsch" in chosen(page)
    assert not Message.objects.exists()
    assert not complaints


@pytest.mark.parametrize(("size", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_no_barrier_and_nothing_wider_than_the_screen(open_page, complaints, size, scheme):
    page = open_page(LIST, size, scheme)
    edited = url_of(InspectionEditedEmail)
    with email_kind(subject="Hello {{ nobody }}", preview=classmethod(lambda cls: cls.sample())) as holed:
        paths = (
            LIST,
            edited,
            f"{edited}?part=source&width=phone&sent=1",
            f"{edited}?part=headers&scheme=dark",
            url_of(holed),
            f"{url_of(holed)}?event=1",
        )
        for path in paths:
            page.goto(path)
            assert violations(page) == [], path
            for width in (SIZES[size][0], SIZES["tablet"][0]):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert not complaints
