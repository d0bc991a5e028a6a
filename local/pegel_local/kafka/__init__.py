"""A real Kafka broker of one machine."""
