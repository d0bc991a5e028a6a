"""What the model makes of its inputs, and whether it is still the registered one: judged by explained rows."""
