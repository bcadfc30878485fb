"""Every mail of the site, in every language."""

from notifyaudit.testing import lint_emails

test_mails = lint_emails()
