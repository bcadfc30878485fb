import os
from datetime import timedelta

from django.contrib.auth.models import User

from notifyaudit import AuditEmail, DigestEmail, Frequency, RetryPolicy
from tests.acceptance.faults import plan
from tests.acceptance.faults.deeds.actions import DeedAction
from tests.acceptance.faults.fuses import Fuse, passing


class Traced(AuditEmail):
    """Tells the server's record what it is about, and which process sent it."""

    # So soon and so often that a run ends, and no mail is given up.
    retry = RetryPolicy(
        max_attempts=1_000, base=timedelta(milliseconds=200), ceiling=timedelta(milliseconds=500)
    )

    def should_send(self):
        passing(Fuse.PREPARING)
        return super().should_send()

    def get_headers(self):
        deeds = [str(event.data["deed"]) for event in self.events]
        undone = ["undone"] if any(event.data["undone"] for event in self.events) else []
        return {"X-Deed": " ".join(deeds + undone), "X-Kind": self.key, "X-Worker": str(os.getpid())}


class DeedDoneEmail(Traced):
    key = plan.DEED
    actions = [DeedAction.DONE]
    subject = "Deed {{ data.deed }} was done"
    template_name = "deeds/done.html"
    template_txt_name = "deeds/done.txt"

    @classmethod
    def get_recipients(cls, event):
        for user in User.objects.filter(pk__in=event.data["users"]):
            passing(Fuse.ROUTING)
            yield user
        for address in event.data["addresses"]:
            passing(Fuse.ROUTING)
            yield address


class DeedDigest(Traced, DigestEmail):
    key = plan.DIGEST


class DeedSummary(DeedDigest):
    key = plan.SUMMARY


class DeedNotedEmail(DeedDoneEmail):
    key = "noted"
    actions = [DeedAction.NOTED]
    default_frequency = Frequency.HOURLY
    digest_class = DeedDigest


class DeedSummarisedEmail(DeedNotedEmail):
    key = "summarised"
    default_frequency = Frequency.WEEKLY
    digest_class = DeedSummary
