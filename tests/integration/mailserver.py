"""The SMTP server of tests/smtp_server.py, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from queue import Queue
from threading import Thread

SECONDS = 30
"""Only a mail that will never come takes so long."""


class SmtpServer:
    """The server process, and what it has accepted."""

    def __init__(self):
        script = Path(__file__).parent.parent / "smtp_server.py"
        self.process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())
        self.accepted = Queue()
        # All the time: a full pipe would stop the server in the middle of a large mail.
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.accepted.put(json.loads(line))

    def next_mail(self):
        return self.accepted.get(timeout=SECONDS)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=SECONDS)
        self.reader.join(timeout=SECONDS)
        self.process.stdout.close()
