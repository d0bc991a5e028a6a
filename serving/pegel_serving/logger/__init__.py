"""The inference logger: CloudEvents in, Kafka records out; it never slows the model and counts whatever it loses."""
