"""The local job and serving backends: streaming drivers and model endpoints as supervised processes."""
