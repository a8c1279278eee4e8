"""The model of the tests."""
