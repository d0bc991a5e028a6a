"""What a user wishes: the spec of a monitor, and the names, settings and lengths of time that every room shares."""
