"""A local SMTP server that keeps each mail it accepts as one .eml file, for a person or a test to look at."""

import argparse
import asyncio
import signal
import sys
import time
from email import message_from_bytes, policy
from functools import partial
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

ACCEPTED = "250 OK"
REFUSED = "451 4.3.0 Refused, as asked on the command line"


class Maildrop:
    """Stores mails as ``<arrival in epoch ms>-<number>.eml``, with the envelope in the first headers."""

    def __init__(self, directory: Path, *, hold_reply_file: Path | None = None, refuse: bool = False) -> None:
        self.directory = directory
        self.hold_reply_file = hold_reply_file
        self.refuse = refuse
        self._numbers = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse:
            return REFUSED
        path = self.store(envelope)
        subject = message_from_bytes(envelope.content, policy=policy.default)["Subject"]
        print(f"{', '.join(envelope.rcpt_tos)}: {subject} [{path.name}]", flush=True)
        # The other side is a file that another process removes; nothing tells us of it.
        while self.hold_reply_file and self.hold_reply_file.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return ACCEPTED

    def store(self, envelope: Envelope) -> Path:
        """Write under a temporary name, then rename: whoever lists ``*.eml`` never sees half a mail."""
        name = f"{time.time_ns() // 1_000_000:013d}-{next(self._numbers):04d}.eml"
        head = f"X-MailFrom: {envelope.mail_from}\r\n"
        head += "".join(f"X-RcptTo: {address}\r\n" for address in envelope.rcpt_tos)
        unfinished = self.directory / f".{name}.part"
        unfinished.write_bytes(head.encode() + envelope.content)
        return unfinished.rename(self.directory / name)


async def serve(maildrop: Maildrop, port: int) -> None:
    """Accept mail until SIGTERM or SIGINT, saying first where (port 0: a free one)."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    session = partial(SMTP, maildrop, hostname="mail.example", enable_SMTPUTF8=True)
    server = await loop.create_server(session, "127.0.0.1", port)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    # Not `async with`: from Python 3.12 on that waits for clients to hang up, and workers keep connections.
    await ended.wait()
    server.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m example_site.mailserver", description=__doc__)
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one (default: 8025)")
    parser.add_argument("--directory", type=Path, default=Path("var/mail"), help="default: var/mail")
    parser.add_argument(
        "--hold-reply-file",
        type=Path,
        help="while this file exists, mails are taken and kept but the reply to DATA is withheld",
    )
    parser.add_argument("--refuse", action="store_true", help="answer every mail with a temporary error")
    options = parser.parse_args(arguments)
    options.directory.mkdir(parents=True, exist_ok=True)
    maildrop = Maildrop(options.directory, hold_reply_file=options.hold_reply_file, refuse=options.refuse)
    try:
        asyncio.run(serve(maildrop, options.port))
    except OSError as error:
        print(f"The mail server cannot listen on port {options.port}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
