"""Bytes become columns: the wire's words, payloads, fields, and how time is cut."""
