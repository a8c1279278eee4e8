"""The documentation's site: what ``mkdocs.yml`` names as hooks and extensions."""
