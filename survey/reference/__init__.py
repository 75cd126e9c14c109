"""Reference data shipped with the product (`data/`) and the loader that writes it to a database."""
