"""A file of the one-stop software becomes dossiers: reader, columns, cleaning, register."""
