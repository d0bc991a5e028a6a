"""One mergeable statistic per file, and the arithmetic they share.

`protocol` says what a statistic is, `registry` finds all of them by name. Importing this package imports none of them.
"""
