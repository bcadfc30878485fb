"""Who and what the story is about."""

FIRE_SAFETY = "Fire safety, Tower 7"
LIFT = "Lift maintenance, Tower 7"
ROOF = "Roof survey, Harbour Hall"

INSPECTOR, REVIEWER = "inspector@example.com", "reviewer@example.com"
OWNER, FACILITY = "owner@example.com", "facility@tower7.example"
WATCHER = "inspector2@example.com"


class StoryError(Exception):
    """What should have happened did not."""
