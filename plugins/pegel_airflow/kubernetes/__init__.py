"""Endpoints and drivers as objects of a Kubernetes cluster, through the connection of Airflow's Kubernetes provider."""
