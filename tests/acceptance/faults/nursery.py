"""
Where processes come from: one that has loaded Django and forks, so that who is killed is replaced at once.

Standard input has one JSON object a line: ``{"slot": 3, "role": "sweep", "arguments": []}`` starts a process
in a slot, ``{"slot": 3, "signal": 9}`` sends it a signal. Standard output says ``{"slot": 3, "born": PID}``
and ``{"slot": 3, "ended": PID, "code": -9}``. It ends with its parent, and kills its children then.
"""

import json
import os
import selectors
import signal
import sys
from importlib import import_module
from pathlib import Path

import django

_LOADED = (
    "django_tasks_db.management.commands.db_worker",
    "notifyaudit.management.commands.notifyaudit",
    "tests.acceptance.faults.fuses",
    "tests.acceptance.faults.roles",
)


class Nursery:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.slots: dict[int, int] = {}  # pid by slot

    def obey(self, command: dict) -> None:
        slot = command["slot"]
        if "role" in command:
            self.slots[slot] = pid = self._fork(slot, command["role"], command["arguments"])
            _say(slot=slot, born=pid)
        elif slot in self.slots:
            os.kill(self.slots[slot], command["signal"])

    def _fork(self, slot: int, role: str, arguments: list) -> int:
        if pid := os.fork():
            return pid
        code = 1
        try:
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            with (self.directory / f"{role}.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
                os.dup2(nothing.fileno(), 0)
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            from tests.acceptance.faults import fuses, roles

            fuses.install(fuses.FuseBox(self.directory / "fuses"), slot)
            code = roles.live(role, arguments)
        finally:
            sys.stdout.flush()
            os._exit(code)

    def reap(self) -> None:
        for slot, pid in list(self.slots.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.slots[slot]
                _say(slot=slot, ended=pid, code=os.waitstatus_to_exitcode(status))

    def clear(self) -> None:
        for pid in self.slots.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _say(**message: int) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def main() -> None:
    django.setup()
    # Here once, instead of in each process.
    for module in _LOADED:
        import_module(module)
    nursery = Nursery(Path(sys.argv[1]))
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # In one process group with its parent's terminal, Ctrl-C would reach it before the parent cleans up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    unread = b""
    while True:
        for key, _ in selector.select():
            data = os.read(key.fd, 65536)
            if key.fd == woken:
                nursery.reap()
            elif not data:
                nursery.clear()
                return
            else:
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    nursery.obey(json.loads(line))


if __name__ == "__main__":
    main()
