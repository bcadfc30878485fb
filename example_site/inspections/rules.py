"""Who may do what to an inspection. What its status allows is the model's business."""

from dataclasses import dataclass

from example_site.inspections.models import Inspection, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one user may do to one inspection."""

    edit: bool
    submit: bool
    return_to_draft: bool
    complete: bool
    reopen: bool
    remove: bool
    add_photo: bool
    create_report: bool


def rights(user: User, inspection: Inspection) -> Rights:
    """A superuser may everything; else it is the part that the user has in this very inspection."""
    is_inspector = user.is_superuser or user.pk == inspection.inspector_id
    is_reviewer = user.is_superuser or user.pk == inspection.reviewer_id
    is_owner = user.is_superuser or user.pk == inspection.building.owner_id
    return Rights(
        edit=is_inspector or is_reviewer,
        submit=is_inspector,
        return_to_draft=is_reviewer,
        complete=is_reviewer,
        # It is the owner's certificate that becomes void.
        reopen=is_owner,
        remove=is_inspector,
        add_photo=is_inspector,
        create_report=is_inspector or is_reviewer,
    )


def may_schedule(user: User) -> bool:
    """Whether this user may create inspections."""
    return user.is_superuser or user.role == User.Role.INSPECTOR
