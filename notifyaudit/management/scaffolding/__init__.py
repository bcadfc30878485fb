"""What ``manage.py startemail`` writes, and where."""
