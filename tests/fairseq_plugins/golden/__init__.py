"""A trained model and what it said on the day it was made: a later version must say the same.

``python -m tests.fairseq_plugins.golden`` makes both anew, which only a wanted change of a model's
mathematics or of its file calls for.
"""
