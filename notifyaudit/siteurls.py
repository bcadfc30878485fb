"""What the site's paths are called from outside of it: mails are read elsewhere."""

import re
from urllib.parse import urljoin, urlsplit

from django.utils.encoding import iri_to_uri, punycode
from selectolax.lexbor import LexborHTMLParser

from notifyaudit import conf

_ADDRESSES = ("href", "src", "background", "poster")
# No scheme, and no mark that an email provider fills in, such as %unsubscribe_url%, [[link]] or *|LINK|*.
_RELATIVE = re.compile(r"(?![#\[{<*$])(?!%(?![0-9a-fA-F]{2}))(?![a-zA-Z][a-zA-Z0-9+.-]*:)")
_CANDIDATES = "a[href], area[href], img, source, video, audio, [background]"
_STYLED = '[style*="url("]'
_CSS_URL = re.compile(r"""url\(\s*(["']?)([^"')]+)\1\s*\)""")


def absolute(url: str) -> str:
    """
    The whole URL, in ASCII, of a path or a relative URL of the site; one that says where it leads stays as it
    is, and so does every one as long as nobody knows where the site is.
    """
    if not url or not _RELATIVE.match(url):
        return url
    base = urlsplit(conf.base_url())
    if not base.hostname:
        return url
    host = base.netloc
    if not host.isascii():
        host = punycode(base.hostname) + (f":{base.port}" if base.port else "")
    # Where Django knows the path below which the site is served, that is in the path already.
    mount = "" if url.startswith((f"{base.path}/", "//")) else base.path
    path = f"{mount}{url}" if url.startswith("/") else f"{mount}/{url}"
    try:
        return urljoin(f"{base.scheme}://{host}/", iri_to_uri(path))
    except ValueError:  # such as "//[", which no mail program can follow either
        return url


def make_links_absolute(document: LexborHTMLParser) -> bool:
    """
    Have all links and images of a mail lead where they lead on the site.

    Returns:
        whether one was changed.
    """
    changed = False
    for element in document.css(_CANDIDATES):
        given = element.attributes
        for name in _ADDRESSES:
            url = given.get(name)
            if url and (whole := absolute(url.strip())) != url:
                element.attrs[name] = whole
                changed = True
        if (srcset := given.get("srcset")) and (whole := _of_srcset(srcset)) != srcset:
            element.attrs["srcset"] = whole
            changed = True
    for element in document.css(_STYLED):
        style = element.attributes["style"] or ""
        if (whole := _CSS_URL.sub(_of_css, style)) != style:
            element.attrs["style"] = whole
            changed = True
    return changed


def _of_css(found: re.Match[str]) -> str:
    quote, url = found.groups()
    return f"url({quote}{absolute(url)}{quote})"


def _of_srcset(srcset: str) -> str:
    # A comma within a URL is followed by no space (HTML, section 4.8.4.2.1).
    images = (candidate.split(maxsplit=1) for candidate in re.split(r",\s+", srcset.strip()))
    return ", ".join(" ".join([absolute(url), *size]) for url, *size in filter(None, images))
