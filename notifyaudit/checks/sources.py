"""The mappings of sources, and what the packages behind them will not see."""

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, register

from notifyaudit.sources.configured import sources


@register("notifyaudit")
def check_sources(**_: Any) -> list[CheckMessage]:
    """E014, W008: a mapping names models, fields and actions that there are, and what will be seen."""
    return [*_check_mappings(), *_check_coverage()]


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
