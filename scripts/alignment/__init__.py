"""How well alignments agree with those that people made, and aligners to compare with."""
