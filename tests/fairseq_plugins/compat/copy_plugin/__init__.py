"""A --user-dir for these tests: the repairs and one model whose output is known beforehand."""

from fairseq_plugins import compat

compat.apply()
