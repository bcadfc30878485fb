"""What is wrong with the HTML of a mail for those who follow its links, or hear it read."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

RULES = ("link", "alt", "lang")

_SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms", "cid", "data"})


def problems_of_html(html: BeautifulSoup, language: str) -> Iterator[tuple[str, str]]:
    """The rule that is broken and how, for each problem of an HTML part in this language."""
    yield from _of_links(html)
    yield from _of_accessibility(html, language)


def _of_links(html: BeautifulSoup) -> Iterator[tuple[str, str]]:
    for element in html.select("a[href], img[src], link[href], source[src]"):
        url = str(element.get("href") or element.get("src") or "")
        if url.startswith("#"):
            if not html.find(id=url[1:]):
                yield "link", f"{url} leads to no element of the mail"
            continue
        scheme, host = urlsplit(url)[:2]
        if scheme not in _SCHEMES or (scheme in {"http", "https"} and not host):
            hint = "mail programs open http, https, mailto, tel and sms" if scheme else "BASE_URL is not set"
            hint = hint if url else "it is empty"
            yield "link", f"{url!r} of <{element.name}> leads nowhere from a mail: {hint}"


def _of_accessibility(html: BeautifulSoup, language: str) -> Iterator[tuple[str, str]]:
    for image in html.select("img:not([alt])"):
        source = image.get("src", "")
        yield "alt", f'<img src="{source}"> has no alt; alt="" if it only decorates'
    root = html.find("html")
    said = str(root.get("lang") or "") if root is not None else ""
    if not said:
        yield "lang", f'no <html lang="{language}">: a screen reader must guess'
    elif said.partition("-")[0].lower() != language.partition("-")[0].lower():
        yield "lang", f'<html lang="{said}">, but the mail is in {language!r}'
