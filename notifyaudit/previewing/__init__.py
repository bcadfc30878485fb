"""Pages on which the mails of a project are looked at. Nothing leaves them, and nothing is written."""
