"""What `pegel doctor` looks at: each check by itself, within a time, and in sentences."""
