"""What Prometheus is told of models and of Pegel itself, by a process that only reads the views of the database."""
