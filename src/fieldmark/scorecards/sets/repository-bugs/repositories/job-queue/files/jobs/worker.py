"""Who does the jobs."""

from jobs.queue import Empty, Queue


def work_off(queue: Queue, most: int = 100) -> list:
    """Names of the jobs in the order in which they were done. A job may say in `then` what comes after it."""
    done = []
    while len(done) < most:
        try:
            job = queue.get()
        except Empty:
            break
        done.append(job["name"])
        for following in job.get("then", ()):
            queue.put(following, following.get("priority", 0))
    return done
