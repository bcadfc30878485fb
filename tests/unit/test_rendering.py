"""What somebody has written as HTML is what is sent, however it was parsed on the way."""

import logging

import pytest

from notifyaudit.rendering import render_bodies

STYLE = "<style>p { color: red }</style>"
XHTML = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)


@pytest.fixture
def html_of(settings):
    """A function that gives the HTML of a mail with this template."""

    def html_of(source):
        loaders = [("django.template.loaders.locmem.Loader", {"mail.html": source})]
        settings.TEMPLATES = [
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": loaders}}
        ]
        return render_bodies("mail.html", None, {})[0]

    return html_of


@pytest.mark.parametrize("parsed_for", [STYLE, '<a href="/x">A link</a>'])
class TestAParser:
    def test_keeps_what_outlook_leaves_out(self, html_of, parsed_for):
        words = "<![if !mso]><b>not Outlook</b><![endif]><!--[if mso]><i>Outlook</i><![endif]-->"
        assert words in html_of(f"<p>Hello</p>{words}{parsed_for}")

    def test_keeps_a_comment_that_only_looks_like_that(self, html_of, parsed_for):
        words = (
            "<!--[if !mso]--><b>everybody</b><!--[endif]--><!--[if !mso]><!--><i>others</i><!--<![endif]-->"
        )
        assert words in html_of(f"<p>Hello</p>{words}{parsed_for}")

    @pytest.mark.parametrize("doctype", [XHTML, "<!DOCTYPE html>"])
    def test_keeps_the_document_type(self, html_of, parsed_for, doctype):
        assert html_of(f"\n{doctype}<html><body><p>Hello</p>{parsed_for}").startswith(f"{doctype}<html>")

    def test_adds_no_document_type(self, html_of, parsed_for):
        assert html_of(f"<p>Hello</p>{parsed_for}").startswith("<html>")


def test_no_mail_is_lost_for_a_style_that_is_none(html_of, caplog):
    caplog.set_level(logging.WARNING, "notifyaudit")
    html = f'<html><head>{STYLE}</head><body><p style="bold">Hello</p></body></html>'
    assert html_of(html) == html
    assert "the styles of mail.html are not inlined" in caplog.text
