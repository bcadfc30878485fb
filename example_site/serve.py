"""The example site, a worker and a mail server, until Ctrl-C. Run by ``make serve``."""

import os
import sys
import time
from pathlib import Path

import django
from django.apps import apps

from example_site.inbox import Mail
from example_site.ports import PortError
from example_site.processes import POLL_SECONDS, ROOT, ProcessError, Processes, end_on_sigterm, shown_path
from example_site.terminal import Terminal

DIRECTORY = ROOT / "var" / "serve"
HIGHEST_PORT = 65535


def port_from(variable: str, default: int) -> int:
    """
    Raises:
        ProcessError: when the environment variable holds no port.
    """
    text = os.environ.get(variable, "") or str(default)
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise ProcessError(f"{variable} must be a port from 1 to {HIGHEST_PORT}, not {text!r}.")
    return int(text)


def prepare(processes: Processes) -> None:
    processes.manage("migrate", "--verbosity", "0")
    os.environ.update(processes.environment)
    django.setup()
    # Loaded once only: what a visitor has changed or removed stays so.
    if not apps.get_model("inspections.Building").objects.exists():
        processes.manage("load_buildings")


def welcome(processes: Processes, terminal: Terminal) -> None:
    terminal.heading(f"The site is at {processes.base_url}")
    users = apps.get_model("inspections.User").objects.order_by("pk")
    terminal.fact("Log in as", ", ".join(user.get_username() for user in users))
    terminal.fact("Password", processes.password)
    terminal.fact("Mail server", f"127.0.0.1:{processes.smtp_port}")
    terminal.fact("Mails", f"every one is kept in {shown_path(DIRECTORY / 'mail')}")
    terminal.fact("Logs", shown_path(DIRECTORY / "logs"))
    terminal.fact("Stop", "Ctrl-C")
    terminal.heading("Mails, as they arrive")


def show_mails(processes: Processes, terminal: Terminal, shown: set[Path]) -> None:
    """For ever: print each mail that is not shown yet, until a process or the person ends it."""

    while True:
        processes.check_running()
        for path in processes.inbox.paths():
            if path in shown:
                continue
            shown.add(path)
            mail = Mail.read(path)
            arrived = mail.arrived_at.astimezone().strftime("%H:%M:%S")
            recipients = ", ".join(mail.recipients)
            terminal.say(f"{arrived}  {recipients}: {mail.subject}  ({shown_path(path)})")
        time.sleep(POLL_SECONDS)


def main() -> int:
    end_on_sigterm()
    terminal = Terminal()
    try:
        ports = {"port": port_from("PORT", 8000), "smtp_port": port_from("SMTP_PORT", 8025)}
        with Processes(DIRECTORY, **ports) as processes:
            # First what may be in somebody's way, then what takes time.
            processes.check_ports()
            prepare(processes)
            shown = set(processes.inbox.paths())
            processes.start_mail_server()
            processes.start_site()
            processes.start_worker()
            welcome(processes, terminal)
            show_mails(processes, terminal, shown)
    except (PortError, ProcessError) as error:
        terminal.complain(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.gap()
        terminal.say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
