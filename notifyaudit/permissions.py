"""Who has one of Django's permissions, asked for many users at once where that can be done."""

from typing import Any

from django.contrib.auth import get_backends, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import PermissionsMixin, UserManager
from django.db.models import Model


def holders(users: Any, permission: str, target: Model | None) -> Any:
    """
    Those of these users who have the permission, for the target or for all objects. With Django's own
    backend alone this is one query; another is asked user by user.
    """
    if are_rows():
        manager: Any = get_user_model()._default_manager
        holding = manager.with_perm(permission, is_active=None).using(users.db)
        return users.filter(pk__in=holding.values("pk"))
    # Django's backend knows no permissions for one object, and says no when it is asked for one.
    pks = [user.pk for user in users if user.has_perm(permission, target) or user.has_perm(permission)]
    return users.filter(pk__in=pks)


def are_rows() -> bool:
    """Whether permissions are rows of Django's own tables and nothing else decides, whatever the object."""
    user_model = get_user_model()
    backends = get_backends()
    return (
        [type(backend) for backend in backends] == [ModelBackend]
        and issubclass(user_model, PermissionsMixin)
        and isinstance(user_model._default_manager, UserManager)
    )
