"""The monitoring page: what a person sees of the watched models inside Airflow."""
