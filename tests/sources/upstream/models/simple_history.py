from simple_history.models import HistoricalRecords

from .shape import Inspection


class HistoricInspection(Inspection):
    history = HistoricalRecords(m2m_fields=["tags"])
