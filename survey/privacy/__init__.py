"""Phones, names and tokens: sealing, blind index, masking, retention and erasure."""
