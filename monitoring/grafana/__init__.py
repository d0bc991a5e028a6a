"""Dashboards as code: each panel by its queries, for PostgreSQL, SQLite and Prometheus."""
