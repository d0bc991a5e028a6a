"""The `pegel` command: one file per subcommand."""
