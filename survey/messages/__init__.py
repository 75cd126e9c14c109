"""Text messages: wording, cost in segments, recipients, sending (outbox), receipts and replies."""
