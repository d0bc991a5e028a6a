"""A refresh of a baseline: what is another in the new training data, and may the new baseline replace the current one?

Everything here is pure. Rows of the new training data that are counted in the cells of the current baseline are its
*recount*: it meets the current baseline, and windows that are stored already, without a word of approximation.
"""
