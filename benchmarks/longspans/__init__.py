"""Long spans: how many models' days are merged and judged in a minute of one core."""
