"""
A mail server that accepts whatever it is told, in a process of its own. It answers each command at once, or
after so many milliseconds, as one across the network does.

The first line of standard output is its port. It ends with its parent.
"""

import asyncio
import sys

END_OF_DATA = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """Knows as much of SMTP as a client needs that behaves."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._received = bytearray()
        self._is_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._reply(b"220 ready")

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(END_OF_DATA if self._is_content else b"\r\n")) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + (len(END_OF_DATA) if self._is_content else 2)]
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        if self._is_content:
            self._is_content = False
            self._reply(b"250 accepted")
            return
        match line[:4].upper():
            case b"EHLO":
                self._reply(b"250-here\r\n250-8BITMIME\r\n250 SIZE 33554432")
            case b"DATA":
                self._is_content = True
                self._reply(b"354 go on")
            case b"QUIT":
                self._reply(b"221 bye")
            case _:
                self._reply(b"250 OK")

    def _reply(self, line: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, line + b"\r\n")
        else:
            self._transport.write(line + b"\r\n")


async def main(milliseconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(milliseconds / 1_000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
