"""What ``scripts/report.py`` is made of: each part of the page is a file with one ``section``."""
