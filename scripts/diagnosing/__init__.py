"""What is wrong with a dialogue model's replies, and which decoding setting mends it."""
