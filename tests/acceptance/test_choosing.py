"""The preference centre and the watch button in a browser, with and without JavaScript, large and small."""

import pytest

from example_site.inspections.emails import InspectionEditedEmail
from notifyaudit import mute, subscribe
from notifyaudit.links import preferences_token
from notifyaudit.models import Preference, Subscription
from tests.acceptance.browser import violations
from tests.example.factories import FACILITY

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/notifyaudit/preferences/"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
POLICY = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"


@pytest.fixture
def open_page(new_page):
    """A function that opens a page, for somebody who is signed in, under a policy that forbids all inline."""

    def open_page(user=None, size="desktop", scheme="light", **options):
        page = new_page(user, SIZES[size], color_scheme=scheme, timezone_id="Europe/Vienna", **options)
        page.route("**/*", with_policy)
        return page

    return open_page


def with_policy(route):
    # Of what a page loads, only pages have a policy.
    if route.request.resource_type not in {"document", "fetch"}:
        route.continue_()
        return
    response = route.fetch(max_redirects=0)
    route.fulfill(response=response, headers={**response.headers, "content-security-policy": POLICY})


def says(page, text):
    """Waits until the page's status does."""
    page.get_by_role("status").filter(has_text=text).wait_for()


def focus(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


# With JavaScript


def test_it_is_saved_in_place(open_page, complaints, reviewer):
    page = open_page(reviewer, "phone")
    page.goto(PAGE)
    page.evaluate("window.sameDocument = true")
    page.get_by_label("Edited inspections").select_option("Daily")
    page.get_by_role("button", name="Use that of this device: Europe/Vienna").click()
    assert focus(page) == "id_timezone"
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save").press("Enter")
    says(page, "Your choices are saved.")
    assert page.evaluate("window.sameDocument")
    assert focus(page) == "notifyaudit-save"
    assert page.get_by_label("Edited inspections").input_value() == "daily"
    assert Preference.objects.get().timezone == "Europe/Vienna"
    assert not page.get_by_role("button", name="Use that of this device").is_visible()
    assert not complaints


def test_what_is_wrong_is_said_at_its_field(open_page, reviewer):
    page = open_page(reviewer)
    page.goto(PAGE)
    page.evaluate("document.querySelector('#id_digest_hour option:checked').value = '24'")
    page.get_by_role("button", name="Save").click()
    says(page, "Nothing was saved")
    assert focus(page) == "id_digest_hour"
    field = page.get_by_label("Hour of digests")
    error = page.locator(f"#{field.get_attribute('aria-describedby')}")
    assert "Select a valid choice" in error.inner_text()


def test_a_row_is_removed_in_place_and_the_focus_stays_near(open_page, complaints, reviewer, inspection):
    subscribe(reviewer, "*", target=inspection)
    subscribe(reviewer, "*", target=inspection.building)
    page = open_page(reviewer)
    page.goto(PAGE)
    page.evaluate("window.sameDocument = true")
    page.get_by_role("button", name="Remove: Fire safety, Tower 7").press("Enter")
    says(page, "That has ended.")
    assert page.get_by_role("region", name="Watched").get_by_role("link").all_inner_texts() == ["Tower 7"]
    assert focus(page) == "watched-heading"
    assert page.evaluate("window.sameDocument")
    assert not complaints


def test_a_server_that_does_not_answer_is_told_of(open_page, reviewer):
    page = open_page(reviewer)
    page.goto(PAGE)
    page.route("**/*", lambda route: route.abort())
    page.get_by_role("button", name="Save").click()
    says(page, "That could not be saved. Please try again.")


def test_who_has_been_signed_out_signs_in_again(open_page, reviewer):
    page = open_page(reviewer)
    page.goto(PAGE)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/login/?next=/notifyaudit/preferences/")


def test_the_button_is_worked_by_the_keyboard_in_place(open_page, complaints, reviewer, inspection):
    page = open_page(reviewer, "phone")
    page.goto(inspection.get_absolute_url())
    page.evaluate("window.sameDocument = true")
    menu = page.locator("summary")
    menu.press("Enter")
    page.get_by_role("button", name="Weekly").press("Enter")
    page.locator("[aria-live]").filter(has_text="You are watching Fire safety, Tower 7.").wait_for()
    assert menu.inner_text().startswith("Watching (weekly)")
    assert focus(page).startswith("notifyaudit-watch-"), "on the button again"
    menu.press("Enter")
    page.get_by_role("button", name="Weekly", pressed=True).wait_for()
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name="Weekly").is_visible()
    assert page.evaluate("window.sameDocument")
    assert Subscription.objects.get().target == inspection
    assert not complaints


def test_one_menu_closes_when_one_turns_to_something_else(open_page, reviewer, inspection):
    page = open_page(reviewer)
    page.goto(inspection.building.get_absolute_url())
    page.locator("summary").click()
    page.get_by_role("button", name="Mute").wait_for()
    page.get_by_role("heading", name="About this building").click()
    page.get_by_role("button", name="Mute").wait_for(state="hidden")


# Without


def test_it_is_saved_without_a_script(open_page, reviewer, inspection):
    mute(reviewer, target=inspection)
    page = open_page(reviewer, "phone", java_script_enabled=False)
    page.goto(PAGE)
    page.get_by_label("Edited inspections").select_option("Off")
    page.get_by_role("button", name="Save").click()
    says(page, "Your choices are saved.")
    assert page.get_by_label("Edited inspections").input_value() == "off"
    page.get_by_role("button", name="Unmute: Fire safety, Tower 7").click()
    says(page, "That has ended.")
    assert [row.name for row in Subscription.objects.all()] == [InspectionEditedEmail.key]


def test_the_button_works_without_a_script(open_page, reviewer, inspection):
    page = open_page(reviewer, java_script_enabled=False)
    page.goto(inspection.get_absolute_url())
    page.locator("summary").click()
    page.get_by_role("button", name="Daily").click()
    page.wait_for_url(f"**{inspection.get_absolute_url()}")
    page.locator("summary").filter(has_text="Watching (daily)").wait_for()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_an_address_chooses_by_its_link(open_page, complaints, script):
    row = Preference.objects.create(address_key=f"mail:{FACILITY}", address=FACILITY)
    mute(FACILITY, InspectionEditedEmail)
    page = open_page(size="phone", java_script_enabled=script)
    page.goto(f"{PAGE}{preferences_token(f'p{row.pk}')}/")
    page.get_by_text("f…@tower7.example").wait_for()
    page.get_by_label("Edited inspections").select_option("As usual: immediately")
    page.get_by_role("button", name="Save").click()
    says(page, "Your choices are saved.")
    assert not Subscription.objects.exists()
    assert not complaints


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_barrier_and_nothing_wider_than_the_screen(
    open_page, complaints, reviewer, inspection, size, scheme
):
    subscribe(reviewer, "*", target=inspection)
    subscribe(reviewer, "inspection.*", where={"status": "completed"})
    mute(reviewer, target=inspection.building)
    mute(reviewer)
    page = open_page(reviewer, size, scheme)
    for path in (PAGE, f"{PAGE}?done=saved", inspection.get_absolute_url()):
        page.goto(path)
        if page.locator("summary").count():
            page.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert violations(page) == [], path
    assert not complaints


def test_no_barrier_where_something_is_wrong(open_page, reviewer):
    page = open_page(reviewer)
    page.goto(PAGE)
    page.evaluate("document.querySelector('#id_timezone option:checked').value = 'x'")
    page.get_by_role("button", name="Save").click()
    says(page, "Nothing was saved")
    assert violations(page) == []


def test_no_barrier_in_the_look_that_the_library_brings(open_page, complaints, reviewer, settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": []}]
    subscribe(reviewer, "*")
    page = open_page(reviewer, "phone", "dark")
    page.goto(PAGE)
    assert page.locator("body.notifyaudit-page").count() == 1
    assert violations(page) == []
    assert not complaints
