import reversion

from .shape import Inspection


@reversion.register
class VersionedInspection(Inspection):
    pass
