"""What a project's RECIPIENT_… settings may name."""


def language_of(user):
    return getattr(user, "spoken", None)


def timezone_of(user):
    return getattr(user, "zone", None)


def failing(user):
    raise LookupError(f"{user.username} has no profile")


nothing_to_call = "de"
