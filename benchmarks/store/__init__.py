"""The results database: its queries at the size of a month, and its write path."""
