"""A real Airflow of one machine, and a client of its REST API."""
