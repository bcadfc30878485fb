"""Which files a new email class takes, all of them decided before the first is written."""

import json
import keyword
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.core.management.base import CommandError
from django.db import models
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.utils.text import capfirst

from notifyaudit.actions import Action, known
from notifyaudit.exceptions import UnknownAction
from notifyaudit.management.scaffolding.imports import names_in, with_imports
from notifyaudit.management.scaffolding.places import backend, style_of_tests, template_folder, test_path
from notifyaudit.management.scaffolding.sources import Words
from notifyaudit.patterns import is_own
from notifyaudit.samples import sample_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    Args:
        new: the contents of files that are not there yet.
        module: the app's ``emails.py``.
        module_source: what it holds afterwards.
        test: the file of the test.
    """

    new: dict[Path, str]
    module: Path
    module_source: str
    test: Path


def plan(app: str, name: str, *, action: str | None, engine: str | None) -> Plan:
    """
    Raises:
        CommandError: if something is unknown, in the way, or cannot be found when a mail is rendered.
    """
    config = _app(app)
    class_name = _class_name(name)
    member = _action(config, class_name, action)
    backend_name = engine or ("django" if backend("django") is not None else "jinja2")
    words = _words(config, class_name, member, backend_name)
    folder = template_folder(config, backend_name)
    module = Path(config.path) / "emails.py"
    test = test_path(config, words.snake)
    style = style_of_tests(config)
    new = {
        folder / words.html: words.html_source(),
        folder / words.text: words.text_source(),
        test: words.test_source(_imports(words, config, style), style=style),
    }
    if words.name in {imported for _, imported in words.imports_of_class()}:
        raise CommandError(f"{words.name} is imported by the class itself. Choose another name.")
    _require_free(module, words.name, new)
    _require_unknown(words.html, words.text)
    before = module.read_text(encoding="utf-8") if module.exists() else _docstring(config)
    source = with_imports(before, words.imports_of_class(), module=words.module)
    after = f"{source.rstrip()}\n\n\n{words.class_source()}"
    if module.exists() and b"\r\n" in module.read_bytes():
        after = after.replace("\n", "\r\n")
    return Plan(new=new, module=module, module_source=after, test=test)


def _app(label: str) -> AppConfig:
    by_name = {config.label: config for config in apps.get_app_configs()} | {
        config.name: config for config in apps.get_app_configs()
    }
    if label not in by_name:
        raise CommandError(f"There is no app {label!r} in INSTALLED_APPS.{_nearest(label, by_name)}")
    config = by_name[label]
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in config.name.split(".")):
        raise CommandError(f"No import statement can name the app {config.name!r}, and the test has to.")
    return config


def _class_name(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name) or not name[0].isupper() or "_" in name:
        raise CommandError(f"{name!r} is no name of a class. Write it as one: InspectionCompleted.")
    return name if name.endswith("Email") else f"{name}Email"


def _action(config: AppConfig, class_name: str, wanted: str | None) -> Action:
    members = {member.value: member for member in known.members()}
    if wanted is not None:
        try:
            return members[known.require(wanted)]
        except UnknownAction as error:
            raise CommandError(str(error)) from error
    own = [
        member
        for member in members.values()
        if not is_own(member.value) and apps.get_containing_app_config(type(member).__module__) is config
    ]
    meant = [member for member in own if _words_of(member.value) == _words_of(_snake(class_name))]
    if len(meant or own) == 1:
        return (meant or own)[0]
    if not own:
        raise CommandError(
            f"The app {config.label!r} declares no action. Say which the mail is about: --action NAME."
        )
    raise CommandError(
        f"Say which action the mail is about: --action {' | '.join(each.value for each in own)}."
    )


def _words_of(text: str) -> list[str]:
    return re.split(r"[\W_]+", text.lower())


def _snake(class_name: str) -> str:
    base = class_name.removesuffix("Email") or class_name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", base).lower()


def _words(config: AppConfig, class_name: str, member: Action, engine: str) -> Words:
    snake = _snake(class_name)
    owner = type(member)
    model, arguments = _about(config, member)
    is_top = "." not in owner.__qualname__
    sample = f"target={model.__name__}({arguments})" if model is not None else ""
    return Words(
        name=class_name,
        snake=snake,
        module=f"{config.name}.emails",
        title=str(member.label),
        action=f"{owner.__name__}.{member.name}" if is_top else f'"{member.value}"',
        action_import=(owner.__module__, owner.__name__) if is_top else None,
        model_import=(_home_of(model), model.__name__) if model is not None else None,
        sample=sample,
        html=f"{config.label}/{snake}.html",
        text=f"{config.label}/{snake}.txt",
        is_jinja=engine == "jinja2",
    )


def _about(config: AppConfig, member: Action) -> tuple[type[models.Model] | None, str]:
    """The model that the action is called after, and the arguments of an instance that has a name."""
    thing = member.value.rpartition(".")[0].replace("_", "")
    try:
        model = config.get_model(thing)
    except (LookupError, ValueError):
        return None, ""
    key = {"pk": 1} if isinstance(model._meta.pk, models.IntegerField) else {}
    words = [
        {field.name: str(capfirst(field.verbose_name))}
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not field.choices
        and not field.is_relation
    ]
    for more in ({}, *words):
        arguments = key | more
        if _is_named(member, model, arguments):
            return model, ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items())
    return None, ""


def _is_named(member: Action, model: type[models.Model], arguments: dict[str, Any]) -> bool:
    try:
        instance = model(**arguments)
        sample_event(member.value, target=instance)
        return bool(str(instance).strip())
    except Exception:  # noqa: BLE001 - the project's own code: it then gets a preview without an object
        return False


def _home_of(model: type[models.Model]) -> str:
    # A package of models shows them at its top, as Django asks of it.
    package, _dot, _module = model.__module__.partition(".models.")
    return f"{package}.models" if _dot else model.__module__


def _imports(words: Words, config: AppConfig, style: str) -> str:
    return with_imports("", words.imports_of_test(style=style), module=f"{config.name}.tests")


def _docstring(config: AppConfig) -> str:
    return f'"""The mails of {config.label}: who is told what."""\n'


def _require_free(module: Path, class_name: str, new: dict[Path, str]) -> None:
    if (package := module.with_suffix("")).is_dir():
        raise CommandError(f"{package} is a package, and startemail writes into a module {module.name}.")
    if taken := [str(path) for path in new if path.exists()]:
        raise CommandError(f"Nothing was written, for there is already {', '.join(taken)}.")
    if not module.exists():
        return
    try:
        names = names_in(module.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise CommandError(f"Nothing was written, for {module} is no Python: {error}.") from error
    if class_name in names:
        raise CommandError(f"Nothing was written, for there is already {class_name} in {module}.")


def _require_unknown(*names: str) -> None:
    for name in names:
        try:
            found: Any = get_template(name)
        except (TemplateDoesNotExist, TemplateSyntaxError):
            continue
        # It would be found in the place of the new one, or hidden by it.
        raise CommandError(f"Nothing was written, for there is already a template {name!r}: {found.origin}.")


def _nearest(wanted: str, there: Any) -> str:
    nearest = get_close_matches(wanted, list(there), n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
