"""Bodies of pages stay in memory as long as there is room, and go to disk from then on."""

from __future__ import annotations

from tap_sfbulk_pages.jobs.page_body import PageBody, PageMemory


def test_a_body_that_memory_has_no_room_for_moves_to_disk() -> None:
    memory = PageMemory(10)
    small, large = PageBody(memory), PageBody(memory)
    small.write(b"123")
    for _ in range(3):
        large.write(b"abcd")
    assert b"".join(large.chunks()) == b"abcd" * 3
    # Nothing of it is held in memory: what the small one leaves is free.
    assert large._chunks == []
    assert memory.reserve(7)
    assert not memory.reserve(1)
    memory.release(7)
    small.close()
    large.close()
    assert memory.reserve(10)
