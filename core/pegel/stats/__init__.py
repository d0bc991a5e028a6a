"""One mergeable statistic per file, and the arithmetic they share.

`statistic` says what one is, `statistic_registry` finds all of them by name. Importing this package imports none.
"""
