"""Delivery monitoring for operators: what became of our messages.

`queue_status`: what waits and how fast it is sent; `rates`: control charts of delivery rates;
`looking_up`: messages sent to one number; `unclear`: messages that a person must decide about;
`costs`: what a month's messages cost; `operator_alerts`: open alerts on sending.
"""
