from notifyaudit.sources import Kind, Seen, SightedSource
from notifyaudit.subjects import Subject
from tests.sources.upstream.models import Building


class Changes(SightedSource):
    """The project's own history, which a trigger relays."""

    name = "changes"

    def from_sighting(self, payload, context):
        if payload["field_name"] == "internal":
            return None
        return Seen(
            reference=str(payload["id"]),
            kind=Kind.UPDATED,
            target=Subject(type_name="upstream.Building", id=str(payload["inspection"]), model=Building),
            changes={payload["field_name"]: (payload["old"], payload["new"])},
            actor=context.actor,
            correlation_id=context.correlation_id,
        )
