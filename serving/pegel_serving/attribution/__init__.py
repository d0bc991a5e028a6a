"""Attributions: what a model made of the features of a row, computed beside the stream and outside the way of requests.

See docs/explanations.md.
"""
