"""What runs in the background and when.

`queue` puts and takes jobs (rows with leases), `handlers` does them, `schedule` makes the recurring
ones, `worker` is the loop of this package, `distributed` runs the same jobs as Celery tasks.
"""
