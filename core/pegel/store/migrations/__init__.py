"""The history of the tables, run by Alembic. A released revision is never edited; a change is a new file."""
