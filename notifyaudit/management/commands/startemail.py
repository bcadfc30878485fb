"""``manage.py startemail``: a new email class with its templates and a test that passes at once."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifyaudit.management.scaffolding.planning import Plan, plan


class Command(BaseCommand):
    """Writes all of its files, or none."""

    # Whoever begins something has not finished it: a template may be missing yet.
    requires_system_checks = ()
    help = "Write a new email class into an app, with an HTML and a text template and a test."

    def add_arguments(self, parser: CommandParser) -> None:
        """What it is called, and what it is about."""
        parser.add_argument("app", metavar="APP", help="The label of an installed app.")
        parser.add_argument("name", metavar="NAME", help="Of the class, with or without 'Email' at its end.")
        parser.add_argument(
            "--action", metavar="ACTION", help="What the mail is about, as 'inspection.completed'."
        )
        parser.add_argument("--engine", choices=["django", "jinja2"], help="Of the templates.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """
        Raises:
            CommandError: if something is unknown or in the way, or cannot be written; then nothing is.
        """
        planned = plan(options["app"], options["name"], action=options["action"], engine=options["engine"])
        try:
            write(planned)
        except OSError as error:
            raise CommandError(f"Nothing was written: {error}.") from error
        for path in (planned.module, *planned.new):
            self.stdout.write(f"wrote {_shown(path)}")
        self.stdout.write("Say in get_recipients() who is told. Then look at it in the previews.")


def write(planned: Plan) -> None:
    """
    Raises:
        OSError: if a file cannot be written; those before it are taken back.
    """
    written: list[Path] = []
    try:
        for path, source in planned.new.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(source)
        # Last and at once, since it is what the site imports.
        draft = planned.module.with_suffix(".py.new")
        written.append(draft)
        draft.write_text(planned.module_source, encoding="utf-8", newline="")
        draft.replace(planned.module)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
