from tests.served import other, served, upstream, voter  # noqa: F401
