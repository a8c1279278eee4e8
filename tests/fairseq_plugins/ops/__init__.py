"""Tests of the fast forms."""
