"""The mappings of sources, and what the packages behind them will not see."""

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, register

from notifyaudit.sources.configured import sources
from notifyaudit.sources.sightings import triggered


@register("notifyaudit")
def check_sources(**_: Any) -> list[CheckMessage]:
    """
    E014, W008, W009: a mapping names models, fields and actions that there are, what will be seen, and of
    that what has a source.
    """
    return [*_check_mappings(), *_check_coverage(), *_check_triggers()]


def _check_mappings() -> Iterator[CheckMessage]:
    for source in sources():
        for rule in source.rules:
            for problem in rule.problems():
                yield Error(
                    f"NOTIFYAUDIT['SOURCES'], {source.name}: {problem}",
                    hint="Write 'app.Model.created', '.updated', '.deleted', '.field' or '.field=value', and "
                    "an action that is declared.",
                    id="notifyaudit.E014",
                )


def _check_coverage() -> Iterator[CheckMessage]:
    for source in sources():
        for problem in source.problems():
            yield checks.Warning(
                f"NOTIFYAUDIT['SOURCES'], {source.name}: {problem}",
                hint="See docs/reference/sources.md for what each source sees.",
                id="notifyaudit.W008",
            )


def _check_triggers() -> Iterator[CheckMessage]:
    named = {source.name for source in sources()}
    for model, name in triggered():
        if name not in named:
            yield checks.Warning(
                f"{model._meta.label} has triggers for the source {name!r}, which NOTIFYAUDIT['SOURCES'] "
                "does not name: what they see is kept, and becomes no event.",
                hint="Name the source, or take the triggers away and run makemigrations.",
                id="notifyaudit.W009",
            )
