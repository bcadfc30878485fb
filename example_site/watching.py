"""The story's last acts: people change a building, and who watches it reads one mail in the morning."""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.utils import timezone

from example_site.plot import ROOF, WATCHER, StoryError
from example_site.webclient import Browser

if TYPE_CHECKING:
    from example_site.demo import Story

BUILDING = "Harbour Hall"
BLOCKED = "The flashing on the north side was renewed. The drain over the hall is blocked."
CLEARED = "The flashing on the north side was renewed. The drain over the hall was cleared."


def tell(story: "Story", *, watcher: Browser, inspector: Browser, reviewer: Browser) -> None:
    """
    Raises:
        StoryError: unless the watcher gets one digest, and it says what is left of the day.
    """
    terminal = story.terminal
    terminal.heading(f"5. A colleague watches {BUILDING}, and wants one mail a day")
    page = watcher.get(watcher.get("/").link(BUILDING))
    form = page.form("next")
    form.values["choice"] = "daily"  # the button that is pressed
    answer = watcher.submit(form)
    terminal.fact("Request", f"POST /notifyaudit/watch/… by inspector2: status {answer.status}")
    rows = apps.get_model("notifyaudit.Subscription").objects.filter(frequency="daily")
    terminal.fact("Subscription", "\n".join(map(str, rows)))

    terminal.heading(f"6. Two people work on “{ROOF}”, all day long")
    earlier = _events().count()
    _edit(story, reviewer, title="Roof and drains, Harbour Hall", summary=BLOCKED)
    page = inspector.get(story.page_of(inspector, "Roof and drains, Harbour Hall").link("Add section"))
    drains = {"title": "Drains", "rating": "good", "finding": "Cleared. The water runs off within a minute."}
    inspector.submit(page.form("title", "rating"), **drains)
    _edit(story, inspector, "Roof and drains, Harbour Hall", title=ROOF, summary=CLEARED)
    page = reviewer.get(story.page_of(reviewer, ROOF).link("Return to draft"))
    reviewer.submit(page.form("reason"), reason="A photo of the drain is missing.")
    events = list(_events()[earlier:])
    terminal.fact("Audit events", "\n".join(f"{event.action} by {event.actor_repr}" for event in events))
    story.processes.wait_for(lambda: not _is_owed(), what="who reads at once has been told")
    at_once = [found for found in _told(events) if found.message.frequency == "immediate"]
    story.expected.update({found.recipient.email: 0 for found in at_once})
    for found in at_once:
        story.expected[found.recipient.email] += 1
    terminal.fact("Told at once", f"{len(at_once)} mails, to the two and to the owner of the building")
    waiting = [found for found in _told(events) if found.message.frequency == "daily"]
    terminal.fact("Waiting", f"{len(waiting)} of {len(events)} events, in one message to {WATCHER}")

    terminal.heading("7. Eight o’clock, the next morning")
    # The story cannot wait for a night; nothing else tells the worker what time it is.
    messages = apps.get_model("notifyaudit.Message").objects
    messages.filter(status="open", frequency="daily").update(due_at=timezone.now())
    story.processes.manage("notifyaudit", "sweep")
    story.expected[WATCHER] += 1
    story.wait_for_mails()
    story.check_inbox()
    (digest,) = [mail for mail in story.processes.inbox.mails() if mail.recipients == [WATCHER]]
    story.report_mail(digest, digest.arrived_at, text=digest.text)
    if CLEARED not in digest.text or BLOCKED in digest.text or "Drains" not in digest.text:
        raise StoryError("The digest does not say what is left of the day, and that alone.")


def _edit(story: "Story", browser: Browser, of: str = ROOF, **values: str) -> None:
    page = browser.get(story.page_of(browser, of).link("Edit"))
    browser.submit(page.form("title", "summary"), **values)


def _events() -> Any:
    return apps.get_model("notifyaudit.AuditEvent").objects.order_by("pk")


def _told(events: list[Any]) -> list[Any]:
    found = apps.get_model("notifyaudit.Notification").objects.select_related("message")
    return list(found.filter(event__in=events, message__isnull=False).order_by("pk"))


def _is_owed() -> bool:
    """Whether there is anything left to route, or to send at once."""
    messages = apps.get_model("notifyaudit.Message").objects
    return (
        _events().filter(routed_at__isnull=True).exists()
        or messages.filter(frequency="immediate").exclude(status="sent").exists()
    )
