"""The monthly report: one snapshot becomes a page, PDF, Word and Excel with the same figures."""
