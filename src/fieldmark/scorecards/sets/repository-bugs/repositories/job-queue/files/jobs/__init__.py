"""A queue of jobs."""

from jobs.queue import Empty, Queue
from jobs.worker import work_off

__all__ = ["Empty", "Queue", "work_off"]
