"""What the triggers see, as actions: for the settings, so that the migrations have the triggers."""

WHAT = {
    "created": "upstream.scheduled",
    "status=completed": "upstream.completed",
    "updated": "upstream.edited",
    "deleted": "upstream.removed",
}


def lines(model, *what):
    return {f"triggers.{model}.{each}": WHAT[each] for each in what or WHAT}


PGHISTORY = {
    **lines("EventedInspection"),
    **lines("OldRowInspection"),
    **lines("JsonContextInspection", "created", "status=completed", "updated"),
    **lines("ContextlessInspection", "updated"),
}
TABLES = {
    **lines("SightedInspection"),
    **lines("NarrowInspection"),
    **lines("SpecialInspection"),
    **lines("Typed", "created", "updated", "deleted"),
    **lines("Keyed", "created", "updated", "deleted"),
}
CHANGES = {"upstream.Building.updated": "upstream.edited"}
SOURCES = {
    "notifyaudit.sources.pghistory.PgHistory": PGHISTORY,
    "notifyaudit.sources.tables.Tables": TABLES,
    "tests.sources.triggers.relayed.Changes": CHANGES,
}
