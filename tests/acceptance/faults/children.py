"""The driver's two helpers, the nursery and the mail server, and what they say."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from example_site.processes import ROOT

if TYPE_CHECKING:
    from queue import Queue

_END_SECONDS = 30

Said = dict[str, Any]


class Child:
    """A process that hears lines and says lines; each of those is put into a queue."""

    _listener: threading.Thread | None = None

    def __init__(self, module: str, *arguments: str, log: Path) -> None:
        self._name = module.rpartition(".")[2]
        with log.open("ab") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Ctrl-C reaches the driver only, which ends them in order.
                start_new_session=True,
            )

    def tell(self, line: str) -> None:
        assert self._popen.stdin
        self._popen.stdin.write(line.encode() + b"\n")
        self._popen.stdin.flush()

    def order(self, **message: Any) -> None:
        self.tell(json.dumps(message))

    def hear(self) -> Said:
        """The next thing it says; nothing when it has ended."""
        assert self._popen.stdout
        line = self._popen.stdout.readline()
        return json.loads(line) if line else {}

    def listen(self, queue: "Queue[Said]") -> None:
        """Put what it says into the queue from now on, and ``{"gone": …}`` at the end."""

        def copy() -> None:
            while said := self.hear():
                queue.put(said)
            queue.put({"gone": self._name})

        self._listener = threading.Thread(target=copy, daemon=True)
        self._listener.start()

    def end(self) -> None:
        """It ends when its standard input does."""
        assert self._popen.stdin
        assert self._popen.stdout
        self._popen.stdin.close()
        try:
            self._popen.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._listener:
            self._listener.join()
        self._popen.stdout.close()
