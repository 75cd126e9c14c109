"""Why a column may stand in clear: the frequent reasons. Rarer ones stand in the model itself."""

# Agencies, procedures, words and prices that anybody may read.
PUBLIC = "reference data that is published or printed anyway"
RULES = "a rule the province set: about nobody"
STAFF = "about people of staff and what they did, who know that it is kept"
WORK = "how work in the background goes: jobs know ids, and no citizen causes one"
# The register of dossiers is the sampling frame: it was there before any answer.
FRAME = "what the office did with a dossier, whether or not anybody answered"
COUNTED = "counts per cell, the figures that are published"
RANDOM = "drawn at random: it says nothing of what it names, nor of any order"
ASKED = "that and how somebody was asked, which leads to no answer"
