"""What the stream costs and how soon it tells."""
