"""The commands that start, stop and look at a system of this machine; `pegel` finds them by entry points."""
