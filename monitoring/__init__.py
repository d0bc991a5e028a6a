"""What people put into Prometheus, Alertmanager and Grafana."""
