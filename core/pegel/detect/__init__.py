"""Tests of fields, one kind per file: counts of a baseline and of a window in, p-values and effects out.

What a spec may name in `watch.detectors` stands in `detector_registry`; the other tests are always made.
"""
