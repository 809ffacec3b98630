"""Records, head, texts, people and the bookkeeping of projections."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

big = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("index", big, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("records_type_index", "records", ["type", "index"])
    op.create_table(
        "heads",
        sa.Column("field", sa.String, primary_key=True),
        sa.Column("size", big, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "texts",
        sa.Column("text_id", sa.String, primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "people",
        sa.Column("secret_hash", sa.LargeBinary, primary_key=True),
        sa.Column("pseudonym", sa.String, nullable=False, unique=True),
    )
    op.create_table(
        "projections",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("size", big, nullable=False),
    )
