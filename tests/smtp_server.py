"""
A real SMTP server in a process of its own, that behaves as the recipient's name says:

``refused@`` 550 and ``later@`` 451 at RCPT, ``spam@`` 554 and ``busy@`` 451 after the mail, ``closing@`` 421
at RCPT, ``cut@`` closes the connection at RCPT, ``silent@`` closes it after the mail without a reply; after a
mail to ``last@`` the connection takes no more. The sender ``stranger@`` must log in, and no login is right.
Accepted mails are written to standard output as JSON lines, after a first line with the port.
"""

import asyncio
import itertools
import json
import sys

from aiosmtpd.smtp import SMTP, AuthResult

AT_RCPT = {"refused": "550 no such user", "later": "451 try later", "closing": "421 closing"}
AFTER_DATA = {"spam": "554 looks like spam", "busy": "451 busy"}


class Handler:
    numbers = itertools.count(1)

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if not hasattr(session, "number"):
            session.number = next(self.numbers)
        if getattr(session, "is_over", False):
            return "421 that was enough"
        if address.startswith("stranger@"):
            return "530 log in first"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        name = address.partition("@")[0]
        if name == "cut":
            server.transport.abort()
        if name in AT_RCPT:
            return AT_RCPT[name]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        names = {address.partition("@")[0] for address in envelope.rcpt_tos}
        for name, reply in AFTER_DATA.items():
            if name in names:
                return reply
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            # Each octet as one character: what is no UTF-8 must not be lost.
            "content": envelope.content.decode("latin-1"),
            "session": session.number,
        }
        print(json.dumps(mail), flush=True)
        session.is_over = "last" in names
        if "silent" in names:
            server.transport.abort()
        return "250 accepted"


async def main():
    loop = asyncio.get_running_loop()
    login = {"authenticator": lambda *_: AuthResult(success=False, handled=False), "auth_require_tls": False}
    server = await loop.create_server(lambda: SMTP(Handler(), loop=loop, **login), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with its parent, however that ends.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
