"""Why an inspection refuses what it was asked to do. The messages are written for the person who asked."""


class InspectionError(Exception):
    """The root of this app's errors."""


class IllegalTransition(InspectionError):
    """The inspection's status does not allow this."""


class CertificateRefused(InspectionError):
    """The building cannot be given a certificate."""
