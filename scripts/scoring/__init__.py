"""What ``scripts/score.py`` and ``scripts/evaluate_dialogue.py`` measure with."""
