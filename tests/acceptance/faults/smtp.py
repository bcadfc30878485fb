"""
A mail server that misbehaves by a seeded plan, in a process of its own.

It is quick (one core takes thousands of mails a second), knows as much of SMTP as a client needs, and appends
each mail that it accepts to a file before it answers, so the file is the truth about what has arrived.

Standard input tells it what to do, one command a line:

``storm``, ``calm``
    begin and cease to misbehave
``catch held``
    keep the next mail without a reply, and say whose it is; its client hears no more
``catch accepted``
    say whose the next mail is, right after the reply
``forget``
    catch nothing any more
``outage SECONDS``
    hang up on everybody and refuse connections for so long

Standard output has JSON lines: ``{"port": 2525}`` first, then ``{"caught": "held", "worker": PID}``. It ends
with its parent.
"""

import argparse
import asyncio
import json
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

STORM = {
    "greeting": {"421": 0.02},
    "mail": {"451": 0.004, "421": 0.004},
    "rcpt": {"451": 0.004, "421": 0.004, "silence": 0.0005},
    "data": {"451": 0.004, "cut": 0.004},
    "end": {"451": 0.004, "421": 0.004, "lost": 0.006, "silence": 0.001},
}
"""How often what happens in which phase. ``lost`` and ``silence`` at the end: the mail is accepted."""

REFUSED_AT_RCPT, REFUSED_AT_THE_END = "refused", "spam"
"""What addresses begin with that never get a mail."""

HEADER = re.compile(
    rb"^(message-id|x-deed|x-kind|x-worker):[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
FOLD = re.compile(rb"\r\n[ \t]+")
END_OF_DATA = b"\r\n.\r\n"


class PostOffice:
    """What all connections share: the record, the plan of faults, and the trap that is set."""

    def __init__(self, record: Path, seed: int) -> None:
        # Unbuffered: what was accepted is in the file, whatever happens to this process.
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._random = random.Random(seed)
        self.stormy = False
        self.trap = ""
        self.sessions: set[Session] = set()
        self._numbers = 0

    def write(self, **line: Any) -> None:
        os.write(self._record, json.dumps(line).encode() + b"\n")

    def fault(self, phase: str) -> str:
        """What goes wrong now; mostly nothing."""
        if not self.stormy:
            return ""
        drawn = self._random.random()
        for fault, rate in STORM[phase].items():
            if drawn < rate:
                self.write(fault=f"{phase} {fault}")
                return fault
            drawn -= rate
        return ""

    def sprung(self, trap: str) -> bool:
        if self.trap != trap:
            return False
        self.trap = ""
        return True

    def session(self) -> "Session":
        self._numbers += 1
        return Session(self, self._numbers)


class Session(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, office: PostOffice, number: int) -> None:
        self.office = office
        self.number = number
        self.buffer = b""
        self.recipients: list[str] = []
        self.in_data = False
        # A mail that was accepted, and whose sender has not been told.
        self.unreplied: dict[str, Any] | None = None
        self.deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.office.sessions.add(self)
        if not self._misbehaves("greeting"):
            self._say("220 mail.example")

    def connection_lost(self, exc: Exception | None) -> None:
        self.office.sessions.discard(self)
        if self.unreplied:
            self.office.write(**self.unreplied)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while not self.deaf and self._took_one():
            pass

    def _took_one(self) -> bool:
        """Whether there was a whole command, or a whole mail, to act upon."""
        end = END_OF_DATA if self.in_data else b"\r\n"
        taken, found, rest = self.buffer.partition(end)
        if not found:
            return False
        self.buffer = rest
        if self.in_data:
            self.in_data = False
            self._take_mail(taken)
        else:
            self._obey(taken.decode("ascii", "replace"))
        return True

    def _obey(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            self._say("250-mail.example", "250-SIZE 33554432", "250-PIPELINING", "250 8BITMIME")
        elif verb in {"HELO", "RSET", "NOOP"}:
            self.recipients.clear()
            self._say("250 OK")
        elif verb == "MAIL":
            self.recipients.clear()
            if not self._misbehaves("mail"):
                self._say("250 OK")
        elif verb == "RCPT":
            self._take_recipient(line.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            self._begin_data()
        elif verb == "QUIT":
            self._say("221 Bye")
            self._hang_up()
        else:
            self._say("502 Not known here")

    def _take_recipient(self, address: str) -> None:
        if address.startswith(REFUSED_AT_RCPT):
            self._say("550 No such mailbox")
        elif not self._misbehaves("rcpt"):
            self.recipients.append(address)
            self._say("250 OK")

    def _begin_data(self) -> None:
        if not self.recipients:
            self._say("503 No recipient")
        elif not self._misbehaves("data"):
            self.in_data = True
            self._say("354 Go on")

    def _take_mail(self, content: bytes) -> None:
        head = FOLD.sub(b" ", content.partition(b"\r\n\r\n")[0])
        found = {name.lower().decode(): value.decode() for name, value in HEADER.findall(head)}
        mail = {
            "message_id": found.get("message-id", ""),
            "deed": found.get("x-deed", ""),
            "kind": found.get("x-kind", ""),
            "worker": int(found.get("x-worker", 0)),
        }
        if any(address.startswith(REFUSED_AT_THE_END) for address in self.recipients):
            self._say("554 Looks like spam")
            return
        fault = self.office.fault("end")
        if fault in {"451", "421"}:
            self._fail(fault)
            return
        self.office.write(
            at=asyncio.get_running_loop().time(), session=self.number, to=self.recipients, **mail
        )
        held = not fault and self.office.sprung("held")
        if held or fault:
            self.unreplied = {"unreplied": True, **mail}
            self._fail(fault or "silence")
        else:
            self._say("250 Accepted")
        if held or self.office.sprung("accepted"):
            say(caught="held" if held else "accepted", worker=mail["worker"])

    def _misbehaves(self, phase: str) -> bool:
        fault = self.office.fault(phase)
        if fault:
            self._fail(fault)
        return bool(fault)

    def _fail(self, fault: str) -> None:
        if fault == "451":
            self._say("451 Not now")
        elif fault == "421":
            self._say("421 Closing")
            self._hang_up()
        elif fault == "cut":
            # In the middle of the content: its beginning is on the way, or will be.
            self._say("354 Go on")
            self._hang_up()
        elif fault == "lost":
            self._hang_up()
        else:
            self.deaf = True

    def _say(self, *lines: str) -> None:
        self.transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def _hang_up(self) -> None:
        self.deaf = True
        self.transport.close()


class Server:
    """The listening socket, and the commands that come by standard input."""

    def __init__(self, office: PostOffice) -> None:
        self.office = office
        self.port = 0
        self._listening: asyncio.Server | None = None

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self.office.session, "127.0.0.1", self.port, backlog=500)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def obey(self, command: str) -> None:
        verb, _, argument = command.strip().partition(" ")
        if verb in {"storm", "calm"}:
            self.office.stormy = verb == "storm"
        elif verb == "catch":
            self.office.trap = argument
        elif verb == "forget":
            self.office.trap = ""
        elif verb == "outage" and self._listening:
            self._listening.close()
            for session in list(self.office.sessions):
                session._hang_up()
            await asyncio.sleep(float(argument))
            await self.listen()


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


async def serve(server: Server) -> None:
    await server.listen()
    say(port=server.port)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while command := await commands.readline():
        await server.obey(command.decode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(serve(Server(PostOffice(options.record, options.seed))))


if __name__ == "__main__":
    main()
