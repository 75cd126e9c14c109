"""The monthly report: one snapshot as HTML page, PDF, Word and Excel with the same figures."""
