"""What ``scripts/results.py`` is made of: the record, what a training cost, the tables."""
