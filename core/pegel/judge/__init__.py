"""Evidence becomes verdicts: layers of tests, the false-alarm budget they share, and the explanation of a finding."""
