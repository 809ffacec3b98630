"""What holds on SQLite holds on PostgreSQL: the ledger's own tests, on a database of a server (`path` is its URL).

Left out is what looks into the SQLite file itself; `test_faults.py` has the server's counterparts.
"""

from __future__ import annotations

from tests.ledger.test_faults import (  # noqa: F401
    test_leaving_without_close_loses_nothing_acknowledged,
    test_two_ledgers_in_one_process_share_one_database,
    test_two_processes_share_one_database,
)
from tests.ledger.test_projections import (  # noqa: F401
    test_a_changed_version_is_computed_anew_and_the_old_program_stops,
    test_a_new_projection_takes_in_the_past,
    test_a_projection_is_in_step_with_every_append,
    test_a_projection_that_refuses_a_record_keeps_it_out,
    test_a_work_may_read_a_projection_before_the_commit,
    test_catching_up_counts_even_when_the_work_fails,
    test_records_of_a_program_without_the_projection_are_caught_up,
    test_the_migrations_make_the_tables_that_the_code_expects,
    test_the_past_shows_what_was_known_then,
    test_two_projections_of_one_name_are_a_mistake,
)
from tests.ledger.test_write import (  # noqa: F401
    test_a_clock_that_goes_back_breaks_nothing,
    test_a_failing_work_leaves_nothing_and_tells_its_caller,
    test_a_group_chains_and_fails_one_by_one,
    test_a_head_is_found_by_size_hash_or_both,
    test_a_snapshot_neither_moves_nor_writes,
    test_a_waiting_write_is_finished_by_close,
    test_a_work_that_waits_for_another_write_is_told_so,
    test_giving_up_the_wait_does_not_give_up_the_write,
    test_many_threads_at_once,
    test_no_text_is_in_a_record,
    test_pages_join_without_a_seam,
    test_reading_is_the_same_in_a_transaction,
    test_records_of_one_work_share_its_time,
    test_the_loop_of_a_waiting_write_may_be_gone,
    test_what_cannot_be_written_down_is_refused,
    test_what_is_appended_can_be_read,
)
