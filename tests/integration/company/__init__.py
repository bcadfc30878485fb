"""The harness beside what a project\x27s tests use already: the real packages."""
