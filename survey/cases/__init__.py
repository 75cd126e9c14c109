"""What hotline handlers work on: opening, clocks, steps, and who may see what of whom.

`opening` holds what a citizen causes, `steps` what staff do, `sight` what staff may see,
`queue` the lists. A case without the citizen's wish to be called leads to no dossier.
"""
