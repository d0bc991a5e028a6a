"""A package of your own: one statistic and one detector, as docs/extending.md writes them."""
