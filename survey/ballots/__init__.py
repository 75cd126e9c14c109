"""The ballot box: a citizen's answer is stored once, encrypted, and counted in batches."""
