"""What Pegel asks of a cluster, as plain objects: pure functions of specs and settings, one kind of object a file."""
