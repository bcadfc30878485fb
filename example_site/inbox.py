"""What the local mail server has accepted, read back from its directory."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Self, cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One accepted mail, with its envelope."""

    path: Path
    message: EmailMessage

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(path=path, message=message_from_bytes(path.read_bytes(), policy=policy.default))

    @property
    def arrived_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.path.name.partition("-")[0]) / 1000, tz=UTC)

    @property
    def recipients(self) -> list[str]:
        """The envelope's recipients: who really gets it, whatever the headers say."""
        return [str(address) for address in self.message.get_all("X-RcptTo", [])]

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    def _body(self, kind: str) -> str:
        part = cast("EmailMessage | None", self.message.get_body((kind,)))
        return str(part.get_content()) if part else ""


class Inbox:
    """Everybody's mails, in the order of their arrival."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def paths(self) -> list[Path]:
        return sorted(self.directory.glob("*.eml"))

    def mails(self, *, containing: str = "") -> list[Mail]:
        """All mails, or those with a text in the subject or in the text part."""
        mails = [Mail.read(path) for path in self.paths()]
        return [mail for mail in mails if containing in mail.subject or containing in mail.text]

    def counts(self, *, containing: str = "") -> Counter[str]:
        """How many mails each address has got."""
        return Counter(address for mail in self.mails(containing=containing) for address in mail.recipients)
