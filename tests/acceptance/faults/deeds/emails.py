import os
from datetime import timedelta

from django.contrib.auth.models import User

from notifyaudit import AuditEmail, RetryPolicy
from tests.acceptance.faults.deeds.actions import DeedAction
from tests.acceptance.faults.fuses import Fuse, passing


class DeedDoneEmail(AuditEmail):
    actions = [DeedAction.DONE]
    subject = "Deed {{ data.deed }} was done"
    template_name = "deeds/done.html"
    template_txt_name = "deeds/done.txt"
    # So soon and so often that a run ends, and no mail is given up.
    retry = RetryPolicy(
        max_attempts=1_000, base=timedelta(milliseconds=200), ceiling=timedelta(milliseconds=500)
    )

    @classmethod
    def get_recipients(cls, event):
        for user in User.objects.filter(pk__in=event.data["users"]):
            passing(Fuse.ROUTING)
            yield user
        for address in event.data["addresses"]:
            passing(Fuse.ROUTING)
            yield address

    def should_send(self):
        passing(Fuse.PREPARING)
        return True

    def get_headers(self):
        """For the server's record: what the mail is about, and which process sent it."""
        undone = " undone" if self.event.data.get("undone") else ""
        return {"X-Deed": f"{self.event.data['deed']}{undone}", "X-Worker": str(os.getpid())}
