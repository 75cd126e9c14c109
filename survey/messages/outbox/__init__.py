"""Transactional outbox of messages: queued in the transaction that causes them, sent later.

A lease on a message is committed before its provider is called (fencing), and a message whose
result is unknown is not sent again without asking the provider first.

`queue` adds messages, `reminders` queues reminders, `unlinking` removes what links a reminder to
its dossier, `leases` takes messages that may be sent, `rules` and `circuit_breaker` limit when,
`obsolete` finds messages that are not needed any more, `sending` calls the provider,
`delivery_results` stores the results, `reconciling` asks providers about unknown ones,
`operator_alerts` opens and closes alerts.
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
