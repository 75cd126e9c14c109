"""Background jobs and processes.

`queue` stores and takes jobs (rows with leases), `handlers` lists what each kind does, `running`
runs them, `schedule` creates the recurring ones. `worker` is the process for jobs and `sender` the
process for messages, both with the loop of `loop` and signs of life of `heartbeat`. `distributed`
runs the same jobs as Celery tasks. The other files are handlers.
"""
