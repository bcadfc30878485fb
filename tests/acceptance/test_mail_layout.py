"""The base layout in a browser: on a phone and at a desk, light and dark, from either side, images off."""

import pytest

from notifyaudit import DigestEmail
from notifyaudit.testing import Linter
from tests.acceptance import mails
from tests.acceptance.browser import violations

SCHEMES = ("light", "dark")
LANGUAGES = ("en", "ar")

LAYOUT = [
    (mails.of_layout, width, scheme, language)
    for width in (360, 640)
    for scheme in SCHEMES
    for language in LANGUAGES
]
OTHERS = [
    (mails.of_digest, 360, "dark", "ar"),
    (mails.of_digest, 640, "light", "en"),
    (mails.of_completion, 640, "dark", "en"),
    (mails.of_completion, 360, "light", "en"),
]

# What a mail can keep of it: it stands in the page of a mail program, which has the landmarks.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

WHITE, BLACK = "rgb(255, 255, 255)", "rgb(31, 35, 40)"
SHEET = {"light": (WHITE, BLACK), "dark": ("rgb(27, 33, 40)", "rgb(230, 233, 237)")}
BUTTON = {
    "light": ("rgb(11, 87, 208)", WHITE),
    "dark": ("rgb(138, 180, 248)", "rgb(13, 27, 46)"),
}


@pytest.fixture(scope="module")
def opened(browser):
    """A function that shows HTML as a mail program does whose reader has images turned off."""
    contexts = {}

    def opened(html, width=640, scheme="light"):
        if (width, scheme) not in contexts:
            context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
            context.route("**/*", lambda route: route.abort())
            contexts[width, scheme] = context.new_page()
        page = contexts[width, scheme]
        page.set_content(html)
        return page

    yield opened
    for page in contexts.values():
        page.context.unroute_all(behavior="wait")
        page.context.close()


def colours(element):
    return tuple(
        element.evaluate(
            "element => { const s = getComputedStyle(element); return [s.backgroundColor, s.color] }"
        )
    )


def overflow(page):
    """By how much the mail is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize(("mail", "width", "scheme", "language"), LAYOUT + OTHERS)
def test_everybody_can_read_it(opened, mail, width, scheme, language):
    page = opened(mail(language), width, scheme)
    assert overflow(page) == 0
    assert violations(page, tags=RULES) == []
    assert colours(page.locator(".sheet")) == SHEET[scheme]
    assert page.locator("h1").count() == 1


def test_a_word_without_an_end_does_not_widen_it(opened):
    html = mails.of_layout("en").replace("Fire safety, Tower 7 was edited", "W" * 200)
    assert overflow(opened(html, 360)) == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_button_stands_out(opened, scheme):
    page = opened(mails.of_layout("en"), 360, scheme)
    (ground, _), (_, words) = colours(page.locator("td.button")), colours(page.locator("a.button"))
    assert (ground, words) == BUTTON[scheme]
    box = page.locator("a.button").bounding_box()
    assert box["height"] >= 44  # a thumb (WCAG 2.2, 2.5.5)
    assert box["width"] >= 100


@pytest.mark.parametrize(("language", "ltr"), [("en", True), ("ar", False)])
def test_it_is_read_from_the_side_of_its_language(opened, language, ltr):
    page = opened(mails.of_layout(language))
    frame, heading, logo, button = (
        page.locator(selector).first.bounding_box() for selector in (".sheet", "h1", ".logo", "td.button")
    )
    assert frame["width"] == 600
    row = page.locator(".rows tr").first
    name, value = row.locator("th").bounding_box(), row.locator("td").bounding_box()
    assert (name["x"] < value["x"]) == ltr
    old, new = (row.locator(f"td {part}").bounding_box() for part in ("span", "strong"))
    assert (old["x"] < new["x"]) == ltr
    assert row.locator("td").inner_text().count("→" if ltr else "←") == 1
    for box in (logo, button):
        begins = box["x"] - frame["x"] if ltr else frame["x"] + frame["width"] - box["x"] - box["width"]
        assert 0 < begins < 40
    assert heading["x"] > frame["x"]
    assert page.locator("h1").evaluate("e => getComputedStyle(e).textAlign") == ("left" if ltr else "right")


def test_it_can_be_read_while_images_are_off(opened):
    page = opened(mails.of_layout("en"))
    logo = page.locator("img.logo")
    assert logo.evaluate("image => image.naturalWidth") == 0
    assert logo.get_attribute("alt") == "Building inspections"
    style = logo.evaluate(
        "e => { const s = getComputedStyle(e); return [s.fontSize, s.fontWeight, s.color] }"
    )
    assert style == ["16px", "600", "rgb(89, 99, 110)"]
    # Its words are shown, in a box that is as wide as they are.
    assert logo.bounding_box()["width"] >= 120


def test_nobody_sees_the_preheader(opened):
    page = opened(mails.of_layout("en"))
    preheader = page.locator(".preheader")
    assert preheader.text_content().startswith("Inspection edited · ")
    assert not preheader.is_visible()
    # It comes first: a list of mails shows the beginning.
    assert page.evaluate("document.body.firstElementChild.className") == "preheader"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_program_that_drops_the_styles_of_the_head_shows_it_well(opened, scheme):
    head, _, body = mails.of_layout("en").partition("</head>")
    page = opened(head.partition("<style>")[0] + "</head>" + body, 360, scheme)
    assert overflow(page) == 0
    assert violations(page, tags=RULES) == []
    assert colours(page.locator(".sheet")) == SHEET["light"]


@pytest.mark.django_db
def test_the_lint_has_nothing_to_say_in_any_language():
    of_project = {email_class for email_class, _ in Linter().cases()}
    linter = Linter(
        classes=[*of_project, DigestEmail], languages=("en", "de", "fr", "es", "pt-br", "ar", "he")
    )
    assert len(linter.cases()) > 7 * 10
    assert [complaint for case in linter.cases() if (complaint := linter.complaint(*case))] == []
