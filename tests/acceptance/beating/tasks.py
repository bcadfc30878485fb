"""As docs/how-to/use-celery.md has it."""

from celery import shared_task

from notifyaudit.tasks import sweep


@shared_task(ignore_result=True)
def send_audited_mails():
    sweep()
