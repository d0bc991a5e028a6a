"""The spool: order, restarts, torn records, the cap."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from full_disks import no_file_beyond, small_disk
from hypothesis import given
from hypothesis import strategies as st

from pegel.errors import SetupError
from pegel_serving.logger.spool import Spool, SpoolFull, SpoolUnreadable

Opener = Callable[..., Spool]


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Opener]:
    """Open spools in one folder; all are closed in the end."""
    opened: list[Spool] = []

    def begin(**settings: int) -> Spool:
        opened.append(Spool(tmp_path, **settings))
        return opened[-1]

    yield begin
    for spool in opened:
        spool.close()


def drain(spool: Spool, *, step: int = 3) -> list[bytes]:
    """Read and forget everything."""
    out: list[bytes] = []
    while not spool.empty:
        batch = spool.read(max_records=step, max_bytes=1 << 20)
        out += batch.records
        spool.advance(batch)
    return out


def records(count: int) -> list[bytes]:
    """Return numbered records."""
    return [b"record %d" % number for number in range(count)]


def test_records_come_out_in_the_order_they_went_in(open_spool: Opener, tmp_path: Path) -> None:
    """Order holds across segments."""
    spool = open_spool(segment_bytes=64)
    for record in records(20):
        spool.append(record)

    assert records(20) == drain(spool)
    assert [] == list(tmp_path.glob("*.seg"))


def test_what_was_not_advanced_is_read_again(open_spool: Opener) -> None:
    """Reading removes nothing."""
    spool = open_spool()
    for record in records(4):
        spool.append(record)

    first = spool.read(max_records=2, max_bytes=1 << 20)

    assert first == spool.read(max_records=2, max_bytes=1 << 20)
    assert 4 == spool.records


def test_a_new_process_goes_on_where_the_last_one_stopped(open_spool: Opener) -> None:
    """The cursor and the undelivered records survive."""
    spool = open_spool(segment_bytes=64)
    for record in records(10):
        spool.append(record)
    spool.advance(spool.read(max_records=2, max_bytes=1 << 20))
    spool.close()

    again = open_spool(segment_bytes=64)
    again.append(b"later")

    assert [*records(10)[2:], b"later"] == drain(again)


def test_a_record_torn_by_a_power_cut_costs_itself_only(open_spool: Opener, tmp_path: Path) -> None:
    """Whole records before it and later ones stay readable; the damage is counted when it is read over."""
    spool = open_spool()
    for record in records(3):
        spool.append(record)
    spool.close()
    (segment,) = tmp_path.glob("*.seg")
    segment.write_bytes(segment.read_bytes()[:-2])

    again = open_spool()
    again.append(b"later")

    assert [*records(2), b"later"] == drain(again)
    assert (1, 1) == (again.damages, again.lost)


@pytest.mark.parametrize("reopened", [False, True])
def test_garbage_in_the_middle_costs_what_it_covers(open_spool: Opener, tmp_path: Path, *, reopened: bool) -> None:
    """Reading goes on at the next record whose checksum holds, in this process and in the next one."""
    spool = open_spool()
    for record in records(10):
        spool.append(record)
    (segment,) = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    at = content.index(b"record 4")
    content[at : at + 25] = b"?" * 25
    segment.write_bytes(content)
    if reopened:
        spool.close()
        spool = open_spool()

    assert [*records(4), *records(10)[6:]] == drain(spool)
    assert 1 == spool.damages


def test_a_body_cannot_pass_for_a_record(open_spool: Opener, tmp_path: Path) -> None:
    """A record inside a damaged record would need the mark of its segment, which nobody knows, to be found."""
    other = Spool(tmp_path / "other")
    other.append(b"forged")
    forged = next((tmp_path / "other").glob("*.seg")).read_bytes()
    other.close()
    spool = open_spool()
    for record in (b"first", forged, b"last"):
        spool.append(record)
    (segment,) = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[content.index(forged) - 1] ^= 1
    segment.write_bytes(content)

    assert [b"first", b"last"] == drain(spool)


def test_a_damaged_cursor_costs_nothing(open_spool: Opener, tmp_path: Path) -> None:
    """Events may come twice then, none is missing."""
    spool = open_spool()
    for record in records(4):
        spool.append(record)
    spool.advance(spool.read(max_records=2, max_bytes=1 << 20))
    spool.close()
    (tmp_path / "cursor").write_bytes(b"9999999999 77 1\n")

    assert records(4) == drain(open_spool())


@given(st.data())
def test_whatever_is_damaged_the_rest_comes_in_order(data: st.DataObject) -> None:
    """Bytes overwritten, cut off or added anywhere: what is read was written, in that order, and reading ends."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), segment_bytes=128)
        for record in records(20):
            spool.append(record)
        spool.close()
        for path in sorted(Path(folder).glob("*")):
            content = bytearray(path.read_bytes())
            begin = data.draw(st.integers(0, len(content)))
            end = data.draw(st.integers(begin, len(content)))
            if data.draw(st.booleans()):
                content[begin:end] = data.draw(st.binary(max_size=40))
                path.write_bytes(content)
        again = Spool(Path(folder), segment_bytes=128)
        left = drain(again)
        numbers = [records(20).index(record) for record in left]
        again.close()

        assert sorted(set(numbers)) == numbers


def test_a_full_disk_refuses_whole_records_and_takes_them_again(open_spool: Opener, tmp_path: Path) -> None:
    """At each write: append, prepend, the cursor. Nothing that was taken is lost, and space that comes back is used."""
    with small_disk(tmp_path / "disk") as disk:
        spool = Spool(disk.folder / "spool")
        for record in records(3):
            spool.append(record)
        disk.fill()
        with pytest.raises(SpoolFull, match="No space left"):
            spool.append(b"x" * 10_000)
        with pytest.raises(SpoolFull, match="No space left"):
            spool.prepend([b"y" * 10_000])
        spool.advance(spool.read(max_records=1, max_bytes=1 << 20))
        refused = (spool.full, spool.probe())
        disk.free()
        taken = (spool.probe(), spool.full)
        spool.append(b"later")
        spool.prepend([b"earlier"])
        left = drain(spool)
        spool.close()

    assert ((True, False), (True, False)) == (refused, taken)
    assert [b"earlier", *records(3)[1:], b"later"] == left
    assert 0 == spool.lost


def test_a_file_that_may_not_grow_is_followed_by_another(open_spool: Opener) -> None:
    """Only when no file can take the record is it refused."""
    spool = open_spool()
    with no_file_beyond(2000):
        for number in range(10):
            spool.append(b"%0500d" % number)
        with pytest.raises(SpoolFull, match="File too large"):
            spool.append(b"z" * 3000)
        spool.append(b"last")

    assert [*[b"%0500d" % number for number in range(10)], b"last"] == drain(spool)


def test_a_segment_that_cannot_be_read_is_set_aside(open_spool: Opener, tmp_path: Path) -> None:
    """The file stays for people, its records are counted as lost, the next segment follows."""
    spool = open_spool(segment_bytes=32)
    for record in records(3):
        spool.append(record)
    first = min(tmp_path.glob("*.seg"))
    first.unlink()
    first.mkdir()
    with pytest.raises(SpoolUnreadable, match="cannot be read"):
        spool.read(max_records=5, max_bytes=100)
    spool.set_aside()
    left = drain(spool)

    assert len(records(3)) == len(left) + spool.lost
    assert [first.with_suffix(".unreadable")] == list(tmp_path.glob("*.unreadable"))


def test_damage_under_a_running_spool_is_skipped_and_counted(open_spool: Opener, tmp_path: Path) -> None:
    """An unreadable segment does not stop the records behind it."""
    spool = open_spool(segment_bytes=32)
    for record in records(4):
        spool.append(record)
    first = min(tmp_path.glob("*.seg"))
    first.write_bytes(b"\xff" * first.stat().st_size)

    left = drain(spool)

    assert 1 == spool.damages
    assert records(4)[-len(left) :] == left


def test_the_cap_refuses_whole_records(open_spool: Opener) -> None:
    """What does not fit is refused, what was kept stays."""
    spool = open_spool(cap_bytes=100)
    spool.append(b"x" * 80)

    with pytest.raises(SpoolFull, match="100 bytes"):
        spool.append(b"y" * 20)

    assert [b"x" * 80] == drain(spool)


def test_room_comes_back_when_segments_are_delivered(open_spool: Opener) -> None:
    """The cap counts what is on disk, not what ever was."""
    spool = open_spool(cap_bytes=100)
    for number in range(50):
        spool.append(b"%080d" % number)
        drain(spool)

    assert 0 == spool.size


def test_prepended_records_come_first(open_spool: Opener) -> None:
    """Evacuated events are older than what was spooled meanwhile, also after a restart."""
    spool = open_spool()
    spool.append(b"c")
    spool.prepend([b"a", b"b"])
    spool.close()

    again = open_spool()

    assert [b"a", b"b", b"c"] == drain(again, step=1)


def test_a_spool_belongs_to_one_process(open_spool: Opener) -> None:
    """A second owner would deliver and delete behind the first one's back."""
    spool = open_spool()

    with pytest.raises(SetupError, match="one logger"):
        open_spool()
    spool.close()

    open_spool().close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.binary(min_size=0, max_size=40)),
        st.tuples(st.just("take"), st.integers(1, 5)),
        st.tuples(st.just("prepend"), st.lists(st.binary(max_size=20), min_size=1, max_size=3)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_it_behaves_like_a_list(steps: list[tuple[str, object]]) -> None:
    """Whatever happens in whatever order, nothing is lost, doubled or reordered."""
    with tempfile.TemporaryDirectory() as folder:
        spool, model = Spool(Path(folder), segment_bytes=64), list[bytes]()
        untouched = True
        for step, argument in steps:
            if step == "append" and isinstance(argument, bytes):
                spool.append(argument)
                model.append(argument)
            elif step == "prepend" and isinstance(argument, list) and (untouched or not model):
                spool.prepend(argument)
                model[:0] = argument
            elif step == "take" and isinstance(argument, int) and model:
                batch = spool.read(max_records=argument, max_bytes=1 << 20)
                spool.advance(batch)
                assert model[: len(batch.records)] == list(batch.records)
                del model[: len(batch.records)]
                untouched = False
            elif step == "reopen":
                spool.close()
                spool = Spool(Path(folder), segment_bytes=64)
            untouched = untouched or not model
            assert len(model) == spool.records
        assert model == drain(spool)
        spool.close()
