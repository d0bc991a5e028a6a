"""Launchers: what is started as a process. Each only reads its arguments and hands over."""
