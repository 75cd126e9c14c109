"""Phones and names: masking, retention and erasure."""
