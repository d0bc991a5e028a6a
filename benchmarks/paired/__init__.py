"""Changed dependence of two features: how often it is found, and how often nothing is."""
