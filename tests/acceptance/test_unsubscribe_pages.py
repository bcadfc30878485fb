"""Unsubscribing in a browser: on a phone and at a desk, with JavaScript and without, by mouse and by keys."""

from urllib.parse import urlsplit

import pytest

from notifyaudit import record
from notifyaudit.models import AuditEvent, Message, Subscription
from notifyaudit.tasks import sweep
from tests.acceptance.browser import violations
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db(transaction=True)

SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.fixture
def complaints():
    """What the browser's console said."""
    return []


@pytest.fixture
def opened(browser, live_server, complaints):
    """A function that opens a page in a browser of its own."""
    contexts = []

    def opened(path, *, screen="desktop", javascript=True, scheme="light"):
        width, height = SCREENS[screen]
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            color_scheme=scheme,
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda said: None if is_about_the_icon(said) else complaints.append(said.text))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="wait")  # else a page that closes takes away what is being answered
        context.close()


@pytest.fixture
def link(mailoutbox):
    """The path of the link in a mail to a plain address."""
    document = Document.objects.create(title="Plan A " + "with a long name " * 8)
    with email_kind(["ann@x.example"], label="Filed documents", description="One mail for each."):
        record(DocumentAction.FILED, target=document)
        sweep()
        header = mailoutbox[-1].extra_headers["List-Unsubscribe"]
        yield urlsplit(header.strip("<>")).path


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])
def test_a_reader_stops_something_and_undoes_it(opened, link, complaints, screen, javascript):
    page = opened(link, screen=screen, javascript=javascript)
    assert page.get_by_role("radio", name="Mail of the kind “Filed documents”").is_checked()
    assert not Subscription.objects.exists()

    page.get_by_label("Everything about “Plan A").check()
    page.get_by_role("button", name="Stop").click()
    assert "Everything about “Plan A" in page.get_by_role("status").inner_text()
    assert Subscription.objects.get().target_type == "testapp.Document"

    page.reload()
    page.go_back()
    page.go_forward()
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Undone"
    assert not Subscription.objects.exists()
    assert AuditEvent.objects.filter(action__startswith="notifyaudit.").count() == 2
    assert not complaints


def test_the_keyboard_is_enough(opened, link):
    page = opened(link)
    skip_to_content(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "e"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "All mail from site.example" in page.get_by_role("status").inner_text()
    skip_to_content(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Undone").wait_for()


def skip_to_content(page):
    # The site's layout stands around the library's pages.
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_no_wider_than_the_screen(opened, link, screen, scheme):
    page = opened(link, screen=screen, scheme=scheme)
    assert_accessible(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Undo").wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="Undone").wait_for()
    assert_accessible(page)
    page.goto("/notifyaudit/unsubscribe/nonsense/")
    assert_accessible(page)


def test_pages_work_under_a_strict_content_security_policy(opened, link, complaints):
    page = opened("about:blank")

    def with_policy(route):
        response = route.fetch(max_redirects=0)
        policy = "default-src 'self'; base-uri 'none'; form-action 'self'"
        route.fulfill(response=response, headers={**response.headers, "content-security-policy": policy})

    page.route("**/*", with_policy)
    page.goto(link)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Undone"
    assert not complaints


def test_a_link_in_a_mail_of_the_site_leads_to_the_page(opened, link):
    page = opened(link)
    assert Message.objects.get().status == "sent"
    assert page.title() == "Unsubscribe · Building inspections"


def is_about_the_icon(said):
    # Browsers ask every site for one, and the icon is the site's, not the page's.
    return said.location.get("url", "").endswith("/favicon.ico")


def assert_accessible(page):
    assert violations(page) == []
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
