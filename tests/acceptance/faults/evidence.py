"""Reads what happened: the mail server's record as it grows, and the ledger when nothing moves any more."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from django.contrib.auth.models import User

from notifyaudit.models import AuditEvent, Message, MessageStatus, Notification
from tests.acceptance.faults import plan
from tests.acceptance.faults.deeds.models import Deed
from tests.acceptance.faults.verdict import Acceptance, Evidence, Mail, Row

_LEASE_LOST = re.compile(r"^\S+ \S+ (?P<pid>\d+) .* the lease had ended$", re.MULTILINE)
"""
What a worker logs that was slower than its lease, as one may be on a busy machine. It is no kill, and the
mail may arrive twice all the same.
"""


class Record:
    """The file of the mail server."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("rb")
        self._rest = b""
        self.acceptances: list[Acceptance] = []
        self.times: list[float] = []
        self.told = 0
        """How many times somebody was told of a deed; a digest tells of several."""
        self.faults: Counter[str] = Counter()

    def read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def speed_since(self, index: int) -> float:
        """Mails a second, from the one with this index to the last."""
        times = self.times[index:]
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0

    def _take(self, line: dict) -> None:
        if "fault" in line:
            self.faults[line["fault"]] += 1
        elif "unreplied" in line:
            self._mark_unheard(line["message_id"], line["worker"])
        else:
            deeds = tuple(sorted(int(word) for word in line["deed"].split() if word.isdigit())) or (0,)
            self.times += [line["at"]] * len(line["to"])
            self.told += len(deeds) * len(line["to"])
            self.acceptances += [
                Acceptance(
                    Mail(line["kind"], address, deeds),
                    line["message_id"],
                    line["worker"],
                    line["session"],
                    undone="undone" in line["deed"],
                )
                for address in line["to"]
            ]

    def _mark_unheard(self, message_id: str, worker: int) -> None:
        for index in reversed(range(len(self.acceptances))):
            found = self.acceptances[index]
            if (found.message_id, found.worker) == (message_id, worker):
                self.acceptances[index] = replace(found, heard=False)
                return


def unsettled() -> int:
    """Events and messages that somebody still has to do something about."""
    open_ = (MessageStatus.OPEN, MessageStatus.SENDING, MessageStatus.UNCERTAIN)
    return (
        AuditEvent.objects.filter(routed_at__isnull=True).count()
        + Message.objects.filter(status__in=open_).count()
    )


def gather(
    record: Record,
    *,
    directory: Path,
    digested: bool,
    killed: Collection[int],
    frozen: Collection[int],
    cuts: int,
    max_in_flight: int,
    connections: int,
    resends: bool,
) -> Evidence:
    record.read()
    addresses = {str(pk): email for pk, email in User.objects.values_list("pk", "email")}
    deed_of_event = {
        event: int(deed) for event, deed in AuditEvent.objects.values_list("pk", "target_id").iterator()
    }
    deeds_of_message = defaultdict(list)
    told = Notification.objects.filter(message__isnull=False, skip_reason="")
    for message_id, event_id in told.values_list("message_id", "event_id").iterator():
        deeds_of_message[message_id].append(deed_of_event.get(event_id, 0))
    deeds = dict(Deed.objects.values_list("number", "recipients"))
    events_of_deed = Counter(deed_of_event.values())
    return Evidence(
        committed=[
            telling
            for deed, recipients in deeds.items()
            for telling in plan.tellings(deed, recipients, digested=digested)
        ],
        acceptances=record.acceptances,
        rows=[
            Row(
                mail=Mail(
                    message.email_key,
                    addresses.get(message.recipient_id) or message.address,
                    tuple(sorted(deeds_of_message[message.pk])) or (0,),
                ),
                message_id=message.message_id,
                status=message.status,
                ever_uncertain=message.uncertain_at is not None,
                claimed=message.lease_token is not None,
            )
            for message in Message.objects.iterator()
        ],
        unrouted=AuditEvent.objects.filter(routed_at__isnull=True).count(),
        events_of_deeds=[events_of_deed[deed] for deed in deeds],
        killed=killed,
        cuts=cuts,
        frozen=frozen,
        leases_lost=sum(_leases_lost(log, frozen) for log in directory.glob("*.log")),
        max_in_flight=max_in_flight,
        connections=connections,
        resends=resends,
    )


def _leases_lost(log: Path, frozen: Collection[int]) -> int:
    found = _LEASE_LOST.finditer(log.read_text(errors="replace"))
    return sum(int(line["pid"]) not in frozen for line in found)
