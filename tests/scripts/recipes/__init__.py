"""Tests of scripts/recipes."""
