"""Intake: import of files exported from one-stop software (reader, columns, cleaning, register)."""
