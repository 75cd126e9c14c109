"""Cases of hotline handlers: opening, deadlines, steps, lists and access control.

`opening` holds what citizens cause, `steps` what staff do, `access_control` which account may see
which case, `queue` the lists. A case without a callback request holds no reference to a dossier.
"""
