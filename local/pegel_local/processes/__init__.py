"""Processes of this machine: how they are known, started, supervised and ended."""
