"""Why an inspection refuses what it was asked to do. The messages are written for the person who asked."""


class InspectionError(Exception):
    """The root of this app's errors."""


class IllegalTransition(InspectionError):  # noqa: N818 - says what happened
    """The inspection's status does not allow this."""


class CertificateRefused(InspectionError):  # noqa: N818 - says what happened
    """The building cannot be given a certificate."""
