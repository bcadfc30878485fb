"""The links of a mail: where they lead, and whether this site has a page there."""

from html.parser import HTMLParser
from urllib.parse import SplitResult, unquote, urlsplit

from django.urls import Resolver404, get_script_prefix, resolve
from django.utils import translation

from notifyaudit import conf


def links_of(html: str) -> list[str]:
    """The targets of all links, in order."""
    collector = _Links()
    collector.feed(html)
    return collector.found


def leads_to(link: str, wanted: str) -> bool:
    """
    Whether a link is this URL, or, given a path (``"/inspections/7/"``), has that path on any host; with a
    fragment (``"#photos"``) only if one is wanted.
    """
    if link == wanted:
        return True
    parts = _split(link)
    if not parts.netloc or not wanted.startswith("/"):
        return False
    path = parts._replace(scheme="", netloc="", path=parts.path or "/")
    return wanted in {path.geturl(), path._replace(fragment="").geturl()}


def is_on_site(url: str) -> bool:
    """Whether a URL is below ``BASE_URL``."""
    base = conf.base_url()
    return bool(base) and url.startswith(base) and url[len(base) :][:1] in {"", "/", "?", "#"}


def path_on_site(url: str) -> str | None:
    """
    What the URL patterns see of a URL of this site, and its query: it may be served below a path
    (``FORCE_SCRIPT_NAME``, or that of ``BASE_URL``). ``None`` if it is not below that.
    """
    parts = _split(url)
    # Where Django does not know the path below which it is served, whoever serves it takes it away.
    mount = get_script_prefix().rstrip("/") or _split(conf.base_url()).path
    path = parts.path or "/"
    if not f"{path}/".startswith(f"{mount}/"):
        return None
    return SplitResult("", "", path[len(mount) :] or "/", parts.query, "").geturl()


def has_page(url: str) -> bool:
    """Whether the site has a page there, as far as its URL patterns tell, or serves a file."""
    path = path_on_site(url)
    bare = urlsplit(path).path if path is not None else ""
    if any(place.startswith(conf.file_urls()) for place in (_split(url).path, bare)):
        return True
    return path is not None and _resolves(unquote(bare))


def _resolves(path: str) -> bool:
    # i18n_patterns() know the paths of the active language only, and a mail may be in any.
    named = translation.get_language_from_path(path)
    for language in dict.fromkeys([translation.get_language(), named, *conf.languages()]):
        with translation.override(language):
            try:
                resolve(path)
            except Resolver404:
                continue
        return True
    return False


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # "https://[": what is wrong with a link must not hide the others
        return SplitResult("", "", "", "", "")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.found.append(href.strip())
