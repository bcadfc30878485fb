"""Models that triggers watch; installed on PostgreSQL only."""
