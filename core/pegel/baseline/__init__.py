"""What training looked like: baselines, and the outlier tables made of them."""
