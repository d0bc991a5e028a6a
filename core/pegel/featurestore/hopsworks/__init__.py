"""Hopsworks as a feature store: its training data by reference, what it says of them, and what it serves.

Importing this loads nothing of Hopsworks' client: `client` does, when it logs in.
"""
