"""The outbox: rows are the truth, a claim is committed before its call, doubt is not sent again.

`queue` puts messages in, `parting` cuts what leads from a reminder to its dossier, `claims` takes
what may leave, `obsolete` finds messages that are no longer needed, `sending` calls the
provider, `outcomes` writes down what came of it, `reconciling` finds out the fate of calls that
ended unclear.
"""

from survey.messages.outbox.delivery_results import withdraw
from survey.messages.outbox.queue import Draft, enqueue, enqueue_many
from survey.messages.outbox.reconciling import LEASE, ReconcileSummary, reconcile
from survey.messages.outbox.sending import SendSummary, send_due

__all__ = [
    "LEASE",
    "Draft",
    "ReconcileSummary",
    "SendSummary",
    "enqueue",
    "enqueue_many",
    "reconcile",
    "send_due",
    "withdraw",
]
