"""The results database: registry, results, alerts and actions in SQL. SQLite embedded, PostgreSQL in production."""
