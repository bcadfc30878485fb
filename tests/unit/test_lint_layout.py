"""What lint_emails() says of the layout of a mail."""

import pytest
from bs4 import BeautifulSoup

from notifyaudit.testing.lint_layout import RULES, problems_of_layout

HEAD = '<head><meta name="viewport" content="width=device-width"><title>Filed</title></head>'
GOOD = f'<html lang="en">{HEAD}<body><p>Hello</p></body></html>'


def saying(words):
    return GOOD.replace("Hello", words)


IMAGE = '<img src="https://x.example/l.png" alt="Logo" width="9">'


@pytest.mark.parametrize(
    ("html", "language", "problem"),
    [
        (GOOD.replace("<title>Filed</title>", ""), "en", "title: it has no <title>, or an empty one"),
        (GOOD.replace("<title>Filed</title>", "<title> </title>"), "en", "title: it has no <title>"),
        (GOOD.replace('name="viewport"', 'name="robots"'), "en", 'viewport: no <meta name="viewport"'),
        (GOOD.replace('"en"', '"ar"'), "ar", "dir: no <html dir=\"rtl\">, but 'ar' is written from right"),
        (GOOD.replace('"en"', '"ar" dir="ltr"'), "ar", 'dir: no <html dir="rtl">'),
        (
            saying("<table class='x'><tr><td>Hello</td></tr></table>"),
            "en",
            'role: <table class="x"> has no <th>',
        ),
        (
            saying("<table><tr><td><table role='none'><tr><td>Hello</td></tr></table></td></tr></table>"),
            "en",
            "role: <table> has no <th>",
        ),
        (
            saying("<table role='presentation'><tr><th>Name</th><td>Hello</td></tr></table>"),
            "en",
            'role: <table role="presentation"> has <th>, which its role takes',
        ),
        (
            saying(IMAGE.replace(' width="9"', "")),
            "en",
            'width: <img src="https://x.example/l.png"> has no width: Outlook',
        ),
        (
            saying("<b style='color: red; bold'>Hello</b>"),
            "en",
            'style: style="color: red; bold" is no CSS: while it is there',
        ),
    ],
)
def test_what_is_wrong_is_said(html, language, problem):
    [(rule, found)] = problems_of_layout(html, BeautifulSoup(html, "html.parser"), language)
    assert f"{rule}: {found}".startswith(problem)
    assert rule in RULES


@pytest.mark.parametrize(
    ("html", "language"),
    [
        (GOOD.replace('"en"', '"ar" dir="rtl"'), "ar"),
        (GOOD.replace('"en"', '"ar" dir="auto"'), "ar"),
        (GOOD.replace('"en"', '"xx"'), "xx"),
        (saying("<table role='presentation'><tr><td>Hello</td></tr></table>"), "en"),
        (saying("<table><tr><th>Name</th><td>Hello</td></tr></table>"), "en"),
        (
            saying("<table role='presentation'><tr><td><table><tr><th>A</th><td>B</td></tr></table></table>"),
            "en",
        ),
        (saying(IMAGE), "en"),
        (saying("<b style='mso-hide: all; Margin: 0; background: url(\"cid:x\")'>Hello</b>"), "en"),
    ],
)
def test_what_is_right_is_not_complained_of(html, language):
    assert list(problems_of_layout(html, BeautifulSoup(html, "html.parser"), language)) == []


def test_a_mail_that_gmail_would_cut_off_is_too_long():
    html = BeautifulSoup(GOOD, "html.parser")
    assert list(problems_of_layout(saying("Hello " * 16_000), html, "en")) == []
    [problem] = problems_of_layout(saying("Hello " * 18_000), html, "en")
    assert problem == ("size", "its HTML has 105 KB: Gmail cuts it off after 102 KB")


def test_each_rule_is_broken_by_one_of_these():
    (broken,) = test_what_is_wrong_is_said.pytestmark
    assert {problem.partition(":")[0] for _, _, problem in broken.args[1]} == set(RULES) - {"size"}
