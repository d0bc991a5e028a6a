"""Which rows are nearly the same: fingerprints that near rows share, and the rows of a window beside them.

`row_codes` says in which cell each value of a row lies, `row_hashes` which rows are equal, `fingerprint_tables` in
which crowd a row stands, `kept_rows` what is kept of the rows of a window, `crowd_sizes` how many rows of training
stood in each crowd, `burst_floor` how large crowds of honest
sessions are.

Source of fingerprints of queries: Li et al., "Blacklight: scalable defense for neural networks against query-based
black-box attacks" (2022), arXiv 2006.14042.
"""
