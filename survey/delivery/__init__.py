"""What became of our messages, for people who answer for them.

`queue_status` shows what waits and how fast it leaves, `rates` where delivery falls out of line,
`looking_up` what one number was sent, `unclear` what only a person can decide.
"""
