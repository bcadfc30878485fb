"""The pages and buttons by which people choose what they are told."""
