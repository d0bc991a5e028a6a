"""The local system as a whole: its parts, their order, what was started and how it is now."""
