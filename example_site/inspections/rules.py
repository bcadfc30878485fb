"""Who may do what to an inspection. What its status allows is the model's business."""

from dataclasses import dataclass

from example_site.inspections.models import Inspection, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one user may do to one inspection."""

    edit: bool
    submit: bool
    complete: bool
    remove: bool
    add_photo: bool


def rights(user: User, inspection: Inspection) -> Rights:
    """A superuser may everything; else it is the part that the user has in this very inspection."""
    is_inspector = user.is_superuser or user.pk == inspection.inspector_id
    is_reviewer = user.is_superuser or user.pk == inspection.reviewer_id
    return Rights(
        edit=is_inspector or is_reviewer,
        submit=is_inspector,
        complete=is_reviewer,
        remove=is_inspector,
        add_photo=is_inspector,
    )


def may_schedule(user: User) -> bool:
    """Whether this user may create inspections."""
    return user.is_superuser or user.role == User.Role.INSPECTOR
