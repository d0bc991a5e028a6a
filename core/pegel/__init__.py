"""Pegel: ML model monitoring that people can trust at three in the morning."""
