"""Pegel beside the model: the inference logger and the local endpoint."""
