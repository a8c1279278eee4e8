"""Readers of published data sets, one file each; scripts/prepare.py turns any into parallel text.

Each module has ``load(folder, ...) -> Corpus``, ``add_options(parser)`` for what its corpus can be
asked for, and ``LICENCE``. What they share stands in ``corpus.py``.
"""
