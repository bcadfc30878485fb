"""What the processes of a crew call."""

import os
import signal
import time

from notifyaudit.sources import ReliableSignal
from tests.testapp.models import Tag

JOURNAL = None
"""The file in which receivers write outside of any transaction."""

stamped, slow, deadly = ReliableSignal(), ReliableSignal(), ReliableSignal()


def stamp(number, **sent):
    Tag.objects.create(name=f"{number:02}")
    write(f"stamp {number}")


def stamp_slowly(number, **sent):
    write(f"begin {number}")
    Tag.objects.create(name=f"{number:02}")
    time.sleep(float(os.environ["CREW_LEASE"]) * 3)
    write(f"end {number}")


def kill(number, **sent):
    write("kill")
    Tag.objects.create(name="never")
    os.kill(os.getpid(), signal.SIGKILL)


def write(line):
    with JOURNAL.open("a") as journal:
        journal.write(f"{line}\n")


stamped.connect(stamp)
slow.connect(stamp_slowly)
deadly.connect(kill)
