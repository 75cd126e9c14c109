"""Every Python below deploy/clock.sh starts with this: its clock is CLOCK_AHEAD seconds ahead of
the machine's, and goes as fast.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + int(os.environ["CLOCK_AHEAD"])).start()
