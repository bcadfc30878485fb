"""Real processes for each test: a site, workers and a mail server, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from example_site.inspections.models import Inspection, User
from example_site.processes import Processes
from tests.acceptance.browser import chromium
from tests.acceptance.databases import Database, fresh
from tests.acceptance.example import Example
from tests.example.factories import make_building, make_inspection, make_user

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SETTINGS = "tests.acceptance.patient_settings"


@contextmanager
def loaded(kind: str, directory: Path) -> Iterator[Database]:
    """A database that is migrated, with the sample data; only ever cloned."""
    with fresh(kind, directory) as database:
        with Processes(directory, database_url=database.url, settings=SETTINGS) as processes:
            processes.manage("migrate", "--verbosity", "0")
            processes.manage("load_buildings")
        yield database


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Database]]:
    """Each kind migrated and loaded when it is first asked for; only ever cloned."""
    made: dict[str, Database] = {}
    with ExitStack() as stack:

        def of(kind: str) -> Database:
            if kind not in made:
                made[kind] = stack.enter_context(loaded(kind, tmp_path_factory.mktemp("database")))
            return made[kind]

        yield of


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded_database(request: pytest.FixtureRequest, databases: Callable[[str], Database]) -> Database:
    return databases(request.param)


@pytest.fixture
def example(loaded_database: Database, tmp_path: Path) -> Iterator[Example]:
    """One test's own copy, with a mail server; the test starts what else it needs."""
    database = loaded_database.clone(tmp_path)
    try:
        with Processes(tmp_path, database_url=database.url, settings=SETTINGS) as processes:
            yield Example(processes, database)
    finally:
        database.drop()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One for the tests of a module; each opens pages in a context of its own."""
    with pytest.MonkeyPatch.context() as environment, chromium() as running:
        # playwright's sync API runs an event loop in this thread, which Django would take for async code.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said: errors, whatever failed to load, and what the policy forbade."""
    return []


@pytest.fixture
def new_page(
    browser: "Browser", live_server: Any, complaints: list[str], client: Client
) -> Iterator[Callable[..., "Page"]]:
    """A function that makes an empty page, for somebody who is signed in or for anybody."""
    contexts = []

    def new_page(user: User | None, size: tuple[int, int], **options: Any) -> "Page":
        width, height = size
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            locale="en-GB",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        if user is not None:
            client.force_login(user)
            cookie = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield new_page
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="wait")
        context.close()


@pytest.fixture
def reviewer() -> User:
    return make_user("reviewer", User.Role.REVIEWER)


@pytest.fixture
def inspection(reviewer: User) -> Inspection:
    building = make_building(make_user("owner", User.Role.OWNER))
    return make_inspection(building, make_user("inspector"), reviewer, status=Inspection.Status.READY)
