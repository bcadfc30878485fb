"""As docs/how-to/run-the-sweep.md has it, but each second: no test waits for the next minute."""

from apscheduler.triggers.interval import IntervalTrigger
from crontask import cron

from notifyaudit.tasks import wake_up

cron(IntervalTrigger(seconds=1))(wake_up)
