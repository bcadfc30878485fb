from auditlog.registry import auditlog

from .shape import Inspection


class LoggedInspection(Inspection):
    pass


auditlog.register(LoggedInspection, m2m_fields={"tags"})
