"""Reasons why a column is not encrypted, shared by models; a model states its rarer ones itself."""

# Agencies, procedures, wordings and prices.
PUBLIC = "reference data that is published or printed anyway"
RULES = "a rule the province set: about nobody"
STAFF = "about people of staff and what they did, who know that it is kept"
WORK = "how work in the background goes: jobs know ids, and no citizen causes one"
# The dossiers are the sampling frame: they are known before any answer.
FRAME = "what the office did with a dossier, whether or not anybody answered"
COUNTED = "counts per cell, the figures that are published"
RANDOM = "drawn at random: it says nothing of what it names, nor of any order"
ASKED = "that and how somebody was asked, which leads to no answer"
