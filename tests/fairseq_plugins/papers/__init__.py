"""The papers' equations, written a second time in NumPy, float64, one sentence at a time.

Nothing here is shared with the package: it reads weights by their names in the state dict, and
facts about the shape (which cell, how many heads). ``presets`` has a function for each paper,
``options`` one decoder for the choices that no paper makes, ``sizes`` the papers' numbers of
weights; the rest is what they have in common.
"""
