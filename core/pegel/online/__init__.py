"""Features of entities at the time of a request: what a store answers, and who fills it."""
