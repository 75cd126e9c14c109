"""The shipped reference data (`data/`) and how it gets into the database."""
