"""What the acceptance tests do to one running copy of the example, and what they read of it."""

from collections import Counter

from example_site.inbox import Inbox, Mail
from example_site.processes import Process, Processes
from example_site.webclient import Browser, Page
from tests.acceptance.databases import Database

SECONDS = 60

PRELUDE = """
import os, signal
from django.db import transaction
from example_site.inspections.actions import InspectionAction
from example_site.inspections.models import Inspection, User
from notifyaudit import track

fire_safety = Inspection.objects.get(title="Fire safety, Tower 7")
lift = Inspection.objects.get(title="Lift maintenance, Tower 7")
user = {user.username: user for user in User.objects.all()}

def edit(inspection, summary, by):
    from notifyaudit import audit_context
    with audit_context(actor=by), track(inspection, InspectionAction.EDITED):
        Inspection.objects.filter(pk=inspection.pk).update(summary=summary)
"""


class Example:
    """One copy of the example: its processes, its database and its inbox."""

    def __init__(self, processes: Processes, database: Database) -> None:
        self.processes = processes
        self.database = database
        self.hold_reply_file = processes.directory / "hold-replies"
        processes.start_mail_server("--hold-reply-file", str(self.hold_reply_file))

    @property
    def inbox(self) -> Inbox:
        return self.processes.inbox

    def start_script(self, code: str) -> Process:
        """A process of its own that works on the example's database."""
        return self.processes.start_command("shell", "--command", PRELUDE + code)

    def run_script(self, code: str) -> None:
        process = self.start_script(code)
        assert process.wait(SECONDS) == 0, process.log_tail()

    def logged_in(self, username: str) -> Browser:
        browser = Browser(self.processes.base_url)
        browser.log_in(username, self.processes.password)
        return browser

    def complete(self, browser: Browser, title: str) -> Page:
        """Through the site, as the reviewer does it."""
        building = browser.get(browser.get("/").link(title.rpartition(", ")[2]))
        return browser.submit(browser.get(building.link(title)).form(action="/complete/"))

    def wait_for_mails(self, expected: Counter[str]) -> None:
        self.processes.wait_for(
            lambda: self.inbox.counts() >= expected, what=f"{dict(expected)} arrived", seconds=SECONDS
        )

    def fence(self) -> None:
        """
        Let everything happen that could still happen: every task done, then a sweep from beginning to end.
        What has not arrived by then never will.
        """
        self.processes.wait_for(lambda: not self.open_tasks(), what="all tasks are done", seconds=SECONDS)
        self.sweep()

    def sweep(self) -> None:
        self.processes.manage("notifyaudit", "sweep", seconds=SECONDS)

    def open_tasks(self) -> int:
        sql = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status IN ('READY', 'RUNNING')"
        return int(self.database.rows(sql)[0][0])

    def tasks(self) -> int:
        return self.database.count("django_tasks_database_dbtaskresult")

    def events(self) -> list[str]:
        return [row[0] for row in self.database.rows("SELECT action FROM notifyaudit_auditevent ORDER BY id")]

    def statuses(self) -> Counter[str]:
        return Counter(row[0] for row in self.database.rows("SELECT status FROM notifyaudit_message"))

    def mails_by_id(self) -> dict[str, list[Mail]]:
        mails: dict[str, list[Mail]] = {}
        for mail in self.inbox.mails():
            mails.setdefault(mail.message_id, []).append(mail)
        return mails
