"""Pegel's Airflow room: the form, the workflows' work, the triggers and the monitoring page."""
