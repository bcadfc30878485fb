"""Links and images of a mail lead where they lead on the site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from notifyaudit.siteurls import absolute, make_links_absolute


@pytest.fixture
def site(settings):
    def site(base_url):
        settings.NOTIFYAUDIT = {"BASE_URL": base_url}

    return site


@pytest.mark.parametrize(
    ("base", "url", "whole"),
    [
        ("https://x.example", "/a/", "https://x.example/a/"),
        ("https://x.example", "a.png", "https://x.example/a.png"),
        ("https://x.example:8443", "/a/?q=1#b", "https://x.example:8443/a/?q=1#b"),
        ("https://x.example", "?q=1", "https://x.example/?q=1"),
        ("https://x.example", "/straße/", "https://x.example/stra%C3%9Fe/"),
        ("https://x.example/app", "/a/", "https://x.example/app/a/"),
        ("https://x.example/app", "/app/a/", "https://x.example/app/a/"),
        ("https://x.example/app", "a.png", "https://x.example/app/a.png"),
        ("https://bücher.example", "/a/", "https://xn--bcher-kva.example/a/"),
        ("https://bücher.example:8443", "/a/", "https://xn--bcher-kva.example:8443/a/"),
        ("https://x.example", "//cdn.example/a.png", "https://cdn.example/a.png"),
        ("https://x.example/app", "//cdn.example/a.png", "https://cdn.example/a.png"),
        ("https://x.example", "%C3%9F.png", "https://x.example/%C3%9F.png"),
        ("https://x.example", "#top", "#top"),
        ("https://x.example", "", ""),
        ("https://x.example", "//[", "//["),
        ("", "/a/", "/a/"),
    ],
)
def test_a_relative_url_is_of_the_site(site, base, url, whole):
    site(base)
    assert absolute(url) == whole


@pytest.mark.parametrize(
    "url",
    [
        "https://y.example/",
        "mailto:a@x.example",
        "cid:logo",
        "data:image/png;base64,AA",
        "tel:+1",
        "HTTP://Y/",
        "%unsubscribe_url%",
        "[[UNSUB_LINK_EN]]",
        "*|UNSUB|*",
        "{{unsubscribe}}",
    ],
)
def test_a_url_that_says_where_it_leads_is_left_alone(site, url):
    site("https://x.example")
    assert absolute(url) == url


@given(st.text())
def test_no_url_however_broken_raises(url):
    assert isinstance(absolute(url), str)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="/a/?x=1&amp;y=2">A</a>', '<a href="https://site.example/a/?x=1&amp;y=2">A</a>'),
        ('<img src=" l.png ">', '<img src="https://site.example/l.png">'),
        (
            '<img src="cid:l" srcset="l.png 1x, /m.png 2x">',
            '<img src="cid:l" srcset="https://site.example/l.png 1x, https://site.example/m.png 2x">',
        ),
        (
            '<img src="cid:l" srcset="\n  l.png\n  1x,\n  /m.png 2x\n">',
            '<img src="cid:l" srcset="https://site.example/l.png 1x, https://site.example/m.png 2x">',
        ),
        (
            '<table background="/b.png"></table>',
            '<table background="https://site.example/b.png"></table>',
        ),
        (
            "<p style=\"background: url('/b.png') red\"></p>",
            "<p style=\"background: url('https://site.example/b.png') red\"></p>",
        ),
    ],
)
def test_whatever_names_a_file_or_a_page_is_made_absolute(html, expected):
    document = LexborHTMLParser(html)
    assert make_links_absolute(document)
    assert document.body.inner_html == expected


def test_a_mail_whose_links_are_whole_is_not_changed():
    html = '<a href="https://x.example/">A</a><a name="x"></a><img src="cid:l"><p style="margin: 0">x</p>'
    assert not make_links_absolute(LexborHTMLParser(html))
