"""The main job as a story: people use the real site, and the right ones hear of it. Run by ``make demo``."""

import os
import shutil
import sys
import time
from collections import Counter
from datetime import datetime
from typing import Any

import django
from django.apps import apps

from example_site import watching
from example_site.inbox import Mail
from example_site.ledger import Rows, Telling
from example_site.plot import FACILITY, FIRE_SAFETY, INSPECTOR, LIFT, OWNER, REVIEWER, ROOF, StoryError
from example_site.ports import PortError
from example_site.processes import ROOT, ProcessError, Processes, end_on_sigterm, shown_path
from example_site.terminal import Terminal
from example_site.webclient import Browser, Page, PageError

DIRECTORY = ROOT / "var" / "demo"
MAIL_SECONDS = 30
OK = 200


class Story:
    """The acts of the story, and what has to be true after each."""

    def __init__(self, processes: Processes, terminal: Terminal) -> None:
        self.processes = processes
        self.terminal = terminal
        self.expected: Counter[str] = Counter()

    def edit(self, browser: Browser) -> None:
        self.terminal.heading(f"1. The reviewer changes “{FIRE_SAFETY}”")
        before = Rows.now()
        page = browser.get(self.page_of(browser, FIRE_SAFETY).link("Edit"))
        form = page.form("title", "summary")
        page = browser.submit(form, summary="Sprinklers tested on all floors; two doors to be replaced.")
        self.report_request(form.action, page, "reviewer")
        self.report_telling(before, page, told={INSPECTOR}, actor=REVIEWER)

    def complete(self, browser: Browser) -> None:
        self.terminal.heading("2. … and completes it")
        before = Rows.now()
        form = self.page_of(browser, FIRE_SAFETY).form(action="/complete/")
        page = browser.submit(form)
        self.report_request(form.action, page, "reviewer")
        self.report_telling(before, page, told={OWNER, INSPECTOR, FACILITY}, actor=REVIEWER)

    def fail_to_complete(self, browser: Browser) -> None:
        self.terminal.heading(f"3. Completing “{ROOF}” fails after the event was recorded")
        before = Rows.now()
        form = self.page_of(browser, ROOF).form(action="/complete/")
        page = browser.submit(form)
        self.report_request(form.action, page, "reviewer")
        self.processes.manage("notifyaudit", "sweep")
        left = Rows.now().since(before)
        self.terminal.fact("Left behind", ", ".join(f"{count} {kind}" for kind, count in left.items()))
        self.terminal.fact("", "The transaction was rolled back, and a sweep afterwards found nothing to do.")
        if any(left.values()):
            raise StoryError("A request that was rolled back left rows behind.")
        # A page without the button, or with a success, would prove nothing.
        if "no licence number" not in page.notice:
            raise StoryError(f"The page does not say why it failed. It reads: {page.text[:500]}")

    def remove(self, browser: Browser) -> None:
        self.terminal.heading(f"4. The inspector removes “{LIFT}”")
        before = Rows.now()
        page = browser.get(self.page_of(browser, LIFT).link("Remove"))
        form = page.form(action="/remove/")
        page = browser.submit(form)
        self.report_request(form.action, page, "inspector")
        mails = self.report_telling(before, page, told={OWNER, REVIEWER, FACILITY}, actor=INSPECTOR)
        for mail in mails:
            if LIFT not in mail.subject or LIFT not in mail.text:
                raise StoryError(f"A mail about the removed inspection does not name it: {mail.subject}")
        if apps.get_model("inspections.Inspection").objects.filter(title=LIFT).exists():
            raise StoryError("The removed inspection is still in the database.")
        self.terminal.gap()
        self.terminal.say("The inspection is gone from the database; its mails still name it.")
        # They were sent after the roll-back: a mail about that would have come before them.
        about_roof = self.processes.inbox.mails(containing=ROOF)
        self.terminal.say(f"{len(about_roof)} mails are about “{ROOF}”, whose change was rolled back.")
        if about_roof:
            raise StoryError("Somebody was told of a change that was rolled back.")

    def finish(self) -> None:
        self.terminal.heading("8. What is in the inbox now")
        self.check_inbox()
        self.terminal.fact("Mails", f"{self.expected.total()}, each recipient's exactly once per event")

    def page_of(self, browser: Browser, title: str) -> Page:
        """The inspection's page, found as a person does: building, then inspection."""
        building = title.rpartition(", ")[2]
        return browser.get(browser.get(browser.get("/").link(building)).link(title))

    def report_request(self, url: str, page: Page, who: str) -> None:
        path = url.removeprefix(self.processes.base_url)
        self.terminal.fact("Request", f"POST {path} by {who}: status {page.status}")
        self.terminal.fact("Page", page.notice)
        if page.status != OK:
            raise StoryError(f"The site answered with status {page.status}. It reads: {page.text[:500]}")

    def report_telling(self, before: Rows, page: Page, *, told: set[str], actor: str) -> list[Mail]:
        """Wait until exactly these people have got one mail more, and print who was told what and why."""
        telling = Telling.since(before)
        if telling is None:
            raise StoryError(
                f"The request did not leave exactly one audit event. It reads: {page.text[:500]}"
            )
        self.terminal.fact("Audit event", f"#{telling.event.pk} {telling.event.action}")
        self.terminal.fact("", f"{telling.event.target_repr}, by {telling.event.actor_repr}")
        self.terminal.fact("Changed", "\n".join(telling.changes) or "the object itself is gone")

        self.expected.update(told)
        self.wait_for_mails()
        self.processes.wait_for(lambda: telling.is_settled, what="the ledger knows that the mails are sent")
        self.check_inbox()

        for label, notifications in (("Told", telling.told), ("Not told", telling.not_told)):
            lines = [f"{address_of(found):<26} {why(found)}" for found in notifications]
            self.terminal.fact(label, "\n".join(lines) or "nobody")
        if [(address_of(found), found.skip_reason) for found in telling.not_told] != [(actor, "actor")]:
            raise StoryError("The ledger does not say that only the actor is not told, and why.")
        ids = {found.message.message_id for found in telling.told}
        mails = [mail for mail in self.processes.inbox.mails() if mail.message_id in ids]
        texts: set[str] = set()
        for mail in mails:
            text = "(The same text.)" if mail.text in texts else mail.text
            self.report_mail(mail, telling.committed_at, text=text)
            texts.add(mail.text)
        return mails

    def report_mail(self, mail: Mail, committed_at: datetime, *, text: str) -> None:
        seconds = (mail.arrived_at - committed_at).total_seconds()
        self.terminal.gap()
        self.terminal.say(
            f"Mail to {', '.join(mail.recipients)}, in the inbox {seconds:.2f} s after the commit"
        )
        headers = ("From", "Subject", "Message-ID", "References", "Auto-Submitted")
        self.terminal.quote(
            "\n".join(f"{name}: {mail.message[name]}" for name in headers if mail.message[name])
        )
        self.terminal.quote("\n" + text.strip())

    def wait_for_mails(self) -> None:
        def all_arrived() -> bool:
            return self.processes.inbox.counts() >= self.expected

        try:
            self.processes.wait_for(all_arrived, what="all mails arrived", seconds=MAIL_SECONDS)
        except ProcessError as error:
            missing = self.expected - self.processes.inbox.counts()
            raise StoryError(f"No mail came for {', '.join(sorted(missing.elements()))}. {error}") from error

    def check_inbox(self) -> None:
        if extra := self.processes.inbox.counts() - self.expected:
            raise StoryError(f"Mail came that nobody should get: {', '.join(sorted(extra.elements()))}.")


def why(notification: Any) -> str:
    """Why somebody is told, or why not, as the ledger has it."""
    if notification.skip_reason:
        return str(notification.get_skip_reason_display())
    return f"{notification.reason} by {notification.email_key.rpartition('.')[2]}"


def address_of(notification: Any) -> str:
    """A user's address, else the bare address."""
    return getattr(notification.recipient, "email", "") or notification.address


def run(processes: Processes, terminal: Terminal) -> None:
    processes.manage("migrate", "--verbosity", "0")
    processes.manage("load_buildings")
    processes.start_mail_server()
    processes.start_site()
    processes.start_worker()
    os.environ.update(processes.environment)
    django.setup()
    terminal.say(f"A fresh site, one worker and a mail server are running ({processes.base_url}).")

    story = Story(processes, terminal)
    reviewer = Browser(processes.base_url)
    reviewer.log_in("reviewer", processes.password)
    story.edit(reviewer)
    story.complete(reviewer)
    story.fail_to_complete(reviewer)
    inspector = Browser(processes.base_url)
    inspector.log_in("inspector", processes.password)
    story.remove(inspector)
    colleague = Browser(processes.base_url)
    colleague.log_in("inspector2", processes.password)
    watching.tell(story, watcher=colleague, inspector=inspector, reviewer=reviewer)
    story.finish()


def main() -> int:
    end_on_sigterm()
    started = time.monotonic()
    terminal = Terminal()
    terminal.heading("notifyaudit: from a change in the database to an email for whom it concerns")
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    try:
        with Processes(DIRECTORY) as processes:
            run(processes, terminal)
    except (PortError, ProcessError, PageError, StoryError) as error:
        terminal.complain(f"The demo failed. {error}")
        terminal.say(f"What the processes printed is in {shown_path(DIRECTORY / 'logs')}.")
        return 1
    except KeyboardInterrupt:
        terminal.complain("Stopped.")
        return 130
    terminal.gap()
    terminal.say(f"All of this was checked, in {time.monotonic() - started:.0f} s.")
    terminal.say(f"The mails are kept in {shown_path(DIRECTORY / 'mail')}.")
    terminal.gap()
    terminal.fact("Try next", "make serve    the same site to click through, with every mail as it arrives")
    terminal.fact("", "docs/         how to get a first email of your own out, and the rest")
    terminal.gap()
    return 0


if __name__ == "__main__":
    sys.exit(main())
