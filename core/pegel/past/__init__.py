"""What was found of a model in an interval: tables, and the story that they tell day by day."""
