"""The ballot box: a citizen's answer is kept once, encrypted, and counted in batches."""
