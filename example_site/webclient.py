"""A person's browser, as far as the story needs one: pages, links, forms and a session, over real HTTP."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

TIMEOUT_SECONDS = 30
BUTTONS = {"submit", "button", "image", "reset"}
UNSEEN = {"script", "style", "head"}


class PageError(Exception):
    """A page is not as the person expected it."""


@dataclass(slots=True)
class Form:
    """A form as the page shows it, with what is already filled in."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a person sees of an answer: its text, its links by their text, and its forms."""

    def __init__(self, url: str, status: int, html: str) -> None:
        super().__init__()
        self.url = url
        self.status = status
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self._texts: list[str] = []
        self._notice: list[str] = []
        self._unseen = 0
        self._status: tuple[str, int] | None = None
        self._link: tuple[str, int] | None = None
        self._textarea: str | None = None
        self._select: str | None = None
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        return self._text_since(0)

    @property
    def notice(self) -> str:
        """What the site says of the last action."""
        return " ".join(self._notice)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def link(self, text: str) -> str:
        """
        Raises:
            PageError: when no link has this text.
        """
        for url, label in self.links:
            if text == label:
                return url
        raise PageError(f"{self.url} has no link “{text}”. It reads: {self.text[:500]}")

    def form(self, *fields: str, action: str = "") -> Form:
        """
        The first form that has these fields and this end of its URL.

        Raises:
            PageError: when there is none.
        """
        for form in self.forms:
            if form.action.endswith(action) and form.values.keys() >= set(fields):
                return form
        wanted = " ".join([*fields, action])
        answer = f"{self.url} (status {self.status})"
        raise PageError(f"{answer} has no form for {wanted}. It reads: {self.text[:500]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if values.get("role") in {"status", "alert"}:
            self._status = (tag, len(self._texts))
        match tag:
            case "form":
                url = urljoin(self.url, values.get("action", ""))
                self.forms.append(Form(url, values.get("method", "get").lower()))
            case "a" if "href" in values:
                self._link = (urljoin(self.url, values["href"]), len(self._texts))
            case "input" if name and self.forms:
                self._input(name, values)
            case "textarea" if name and self.forms:
                self._textarea = name
                self.forms[-1].values[name] = ""
            case "select" if name and self.forms:
                self._select = name
            case "option" if self._select:
                # Without a selected option a browser sends the first.
                if "selected" in values or self._select not in self.forms[-1].values:
                    self.forms[-1].values[self._select] = values.get("value", "")
            case _ if tag in UNSEEN:
                self._unseen += 1

    def handle_endtag(self, tag: str) -> None:
        if self._status and tag == self._status[0]:
            self._notice.append(self._text_since(self._status[1]))
            self._status = None
        match tag:
            case "a" if self._link:
                url, start = self._link
                self.links.append((url, self._text_since(start)))
                self._link = None
            case "textarea":
                self._textarea = None
            case "select":
                self._select = None
            case _ if tag in UNSEEN:
                self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if self._textarea:
            # HTML drops one line break right after the opening tag.
            self.forms[-1].values[self._textarea] += data.removeprefix("\n")
        elif not self._unseen:
            self._texts.append(data)

    def _text_since(self, start: int) -> str:
        return " ".join(" ".join(self._texts[start:]).split())

    def _input(self, name: str, values: dict[str, str]) -> None:
        kind = values.get("type", "text").lower()
        if kind in BUTTONS or (kind in {"checkbox", "radio"} and "checked" not in values):
            return
        self.forms[-1].values[name] = values.get("value", "on" if kind == "checkbox" else "")


class Browser:
    """One person's session."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        # No proxy, whatever the environment says: the site is on this machine.
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), ProxyHandler({}))

    def get(self, url: str) -> Page:
        return self._open(Request(urljoin(self.base_url, url)))

    def submit(self, form: Form, *, referrer: str = "", **values: str) -> Page:
        """
        Send a form with what the page had filled in (its CSRF token, too), changed by ``values``.

        Raises:
            PageError: when the form lacks one of the fields.
        """
        if unknown := values.keys() - form.values.keys():
            raise PageError(f"The form for {form.action} has no field {', '.join(sorted(unknown))}.")
        body = urlencode(form.values | values).encode()
        return self._open(Request(form.action, data=body, headers={"Referer": referrer or form.action}))

    def log_in(self, username: str, password: str) -> Page:
        """
        Raises:
            PageError: when the site does not let the person in.
        """
        form = self.get("/login/").form("username", "password")
        page = self.submit(form, username=username, password=password)
        if page.path == "/login/":
            raise PageError(f"{username} could not log in. The page reads: {page.text[:500]}")
        return page

    def _open(self, request: Request) -> Page:
        try:
            response = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            response = error
        with response:
            html = response.read().decode()
            return Page(response.geturl(), response.status, html)
