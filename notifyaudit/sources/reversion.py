"""Events from django-reversion: what a version tells, compared with the version before."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ClassVar

import reversion
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.signals import post_save
from reversion.errors import RegistrationError, RevertError
from reversion.models import Version
from reversion.signals import post_revision_commit

from notifyaudit import conf
from notifyaudit.context import INHERITED
from notifyaudit.identity import type_of
from notifyaudit.sources.base import Seen, Source
from notifyaudit.sources.mapping import Kind
from notifyaudit.sources.states import Changes, Values, difference, instance_of, with_references
from notifyaudit.sources.table import pages
from notifyaudit.subjects import require_saved

logger = logging.getLogger("notifyaudit")

_created: ContextVar[frozenset[tuple[str, str]]] = ContextVar("notifyaudit_reversion", default=frozenset())


class Reversion(Source):
    """
    Reports each version when its revision is saved, in that transaction. The package keeps no deletions.

    An object's first version is its creation if the object was created in that revision. In the history
    that cannot be known: there a first version is a creation, save in the revisions of
    ``createinitialrevisions``, which their comment tells.

    Attributes:
        initial_comments: the comments with which your project runs that command.
    """

    name = "reversion"
    initial_comments: ClassVar[frozenset[str]] = frozenset({"Initial version."})

    def connect(self) -> None:
        post_revision_commit.connect(self._committed, weak=False)
        for model in self.models:
            post_save.connect(_remember, sender=model)

    def disconnect(self) -> None:
        post_revision_commit.disconnect(self._committed)
        for model in self.models:
            post_save.disconnect(_remember, sender=model)

    def history(self, since: datetime | None = None) -> Iterator[Seen]:
        versions = self._versions()
        if since is not None:
            versions = versions.filter(revision__date_created__gte=since)
        # By number, not by date: a project may date its revisions back.
        for page in pages(versions):
            yield from self._seen_in(page)

    def problems(self) -> Iterator[str]:
        if not apps.is_installed("reversion"):
            yield "reversion is not in INSTALLED_APPS, so it has no tables."
        for model in self.models:
            if not reversion.is_registered(model):
                yield f"{model._meta.label} is not registered with reversion, so nothing of it is seen."
                continue
            fields = reversion.revisions._get_options(model).fields  # noqa: SLF001 - there is no public way
            for rule in self.rules:
                if rule.model is model and rule.occasion not in {*fields, *map(str, Kind)}:
                    yield f"{rule.text!r}: reversion leaves out {rule.occasion!r} of {model._meta.label}."
        for rule in self.rules:
            if rule.occasion == Kind.DELETED:
                yield f"{rule.text!r}: reversion keeps no deletions."

    def _committed(self, *, versions: Iterable[Any], **_: Any) -> None:
        created = _created.get()
        _created.set(frozenset())
        types = {content_type.pk for content_type in self._types()}
        ours = [version for version in versions if version.content_type_id in types]
        for version in ours:
            require_saved(version)
        if ours:
            written = self._versions().in_bulk([version.pk for version in ours])
            self.report(*self._seen_in([written[version.pk] for version in ours], created))

    def _types(self) -> Iterable[ContentType]:
        models_kept = [model for model in self.models if reversion.is_registered(model)]
        # Of a proxy, versions name the proxy or its concrete model, as it was registered.
        return {
            content_type
            for concrete in (True, False)
            for content_type in ContentType.objects.get_for_models(
                *models_kept, for_concrete_models=concrete
            ).values()
        }

    def _versions(self) -> "models.QuerySet[Any]":
        """Those of the mapped models, each with the key of the one before it of its object in ``before``."""
        versions = Version.objects.using(conf.current().DATABASE)
        same = {name: OuterRef(name) for name in ("db", "content_type", "object_id")}
        earlier = versions.filter(pk__lt=OuterRef("pk"), **same).order_by("-pk")
        mapped = versions.filter(content_type__in=self._types()).select_related("revision__user")
        annotated: models.QuerySet[Any] = mapped.annotate(before=Subquery(earlier.values("pk")[:1]))
        return annotated

    def _seen_in(
        self, versions: Sequence[Any], created: frozenset[tuple[str, str]] | None = None
    ) -> Iterator[Seen]:
        before = self._versions().in_bulk({each.before for each in versions if each.before is not None})
        by_model: dict[type[models.Model], list[tuple[Any, Kind, Changes]]] = {}
        for version in versions:
            kind, changes = self._compared(version, before.get(version.before), created)
            if kind is not None:
                by_model.setdefault(_model_of(version), []).append((version, kind, changes))
        changed: dict[Any, Changes] = {}
        for model, several in by_model.items():
            named = with_references(model, [changes for _, _, changes in several])
            changed |= {version.pk: changes for (version, _, _), changes in zip(several, named, strict=True)}
        kinds = {version.pk: kind for several in by_model.values() for version, kind, _ in several}
        for version in versions:
            if version.pk in kinds:
                yield _seen(version, kinds[version.pk], changed[version.pk])

    def _compared(
        self, version: Any, previous: Any, created: frozenset[tuple[str, str]] | None
    ) -> tuple[Kind | None, Changes]:
        model = _model_of(version)
        new = _values(version)
        old = _values(previous) if previous is not None else None
        if new is None:
            return None, {}
        if old is not None:
            return Kind.UPDATED, difference(model, old, new)
        initial = version.revision.comment in self.initial_comments
        if (
            previous is None
            and not initial
            and (created is None or _name(model, version.object_id) in created)
        ):
            return Kind.CREATED, difference(model, None, new)
        if not initial:
            logger.warning(
                "version %s of %s %s has none before it to be compared with, so what changed is unknown: run "
                "createinitialrevisions",
                version.pk,
                model._meta.label,
                version.object_id,
            )
        return None, {}


def _remember(*, sender: type[models.Model], instance: models.Model, created: bool, **_: Any) -> None:
    if created and reversion.is_active():
        _created.set(_created.get() | {_name(sender, str(instance.pk))})


def _name(model: type[models.Model], key: str) -> tuple[str, str]:
    return type_of(model), key


def _seen(version: Any, kind: Kind, changes: Changes) -> Seen:
    revision, model = version.revision, _model_of(version)
    values = version.field_dict
    columns = {
        field.attname: values[field.attname]
        for field in model._meta.concrete_fields
        if field.attname in values
    }
    key = {model._meta.pk.attname: model._meta.pk.to_python(version.object_id)}
    return Seen(
        reference=str(version.pk),
        kind=kind,
        target=instance_of(model, key | columns, version.db),
        changes=changes,
        actor=revision.user or INHERITED,
        occurred_at=revision.date_created,
        data={"comment": revision.get_comment()} if revision.comment else {},
    )


def _model_of(version: Any) -> type[models.Model]:
    return version._model  # type: ignore[no-any-return] # noqa: SLF001 - the content type, cached


def _values(version: Any) -> Values | None:
    """The values of a version by field; ``None`` if the package cannot read it any more."""
    try:
        kept: Mapping[str, Any] = version.field_dict
    except (RevertError, RegistrationError, ObjectDoesNotExist) as error:
        logger.warning("version %s cannot be read: %s", version.pk, error)
        return None
    model = _model_of(version)
    values = {
        field.name: kept[field.attname] for field in model._meta.concrete_fields if field.attname in kept
    }
    relations = {
        field.name: sorted(kept[field.name], key=str)
        for field in model._meta.many_to_many
        if field.name in kept
    }
    return values | relations
