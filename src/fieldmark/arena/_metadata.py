"""What all tables of the arena belong to."""

from sqlalchemy import MetaData

METADATA = MetaData()
