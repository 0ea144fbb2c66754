"""Orders ahead: a trunk's next second or two divided between its campaigns, the preferred trunk first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ivr.rules.ahead import LEAST, Asker, Room, orders_ahead
from ivr.rules.sharing import Share

SHARES = st.builds(Share, st.sampled_from([1.0, 2.0, 5.0]), st.integers(0, 2))
TRUNKS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True).map(tuple)


def askers() -> st.SearchStrategy[list[Asker]]:
    one = st.builds(Asker, st.integers(1, 9), TRUNKS, st.sampled_from([0.0, 0.3, 5.0, 50.0]), SHARES, st.booleans())
    return st.lists(one, max_size=6, unique_by=lambda asker: asker.campaign)


ROOMS = st.dictionaries(st.sampled_from("abc"), st.builds(Room, st.sampled_from([0.5, 10.0, 40.0]), st.integers(0, 99)))


@given(askers(), ROOMS)
def test_all_together_have_one_campaigns_worth(asking: list[Asker], rooms: dict[str, Room]) -> None:
    parts = orders_ahead(asking, rooms, 1.5)
    for name, room in rooms.items():
        of_it = [count for (_, trunk), count in parts.items() if trunk == name]
        most = min(room.orders, max(1, round(room.rate_cps * 1.5)))
        assert sum(of_it) <= most + LEAST * sum(one.rate_cps > 0 for one in asking)
        assert room.orders or not any(of_it), "no order waits where no channel comes free"


def test_ten_campaigns_do_not_claim_ten_times_as_many() -> None:
    parts = orders_ahead([Asker(n, ("a",), 10.0) for n in range(10)], {"a": Room(10, 90)}, 1.5)
    assert sum(parts.values()) == 15


def test_weights_divide_and_a_higher_priority_has_all() -> None:
    light, heavy = Asker(1, ("a",), 10.0, Share(1)), Asker(2, ("a",), 10.0, Share(4))
    assert orders_ahead([light, heavy], {"a": Room(10, 90)}, 1.5) == {(1, "a"): 3, (2, "a"): 12}
    first = Asker(3, ("a",), 10.0, Share(1, priority=1))
    assert orders_ahead([light, heavy, first], {"a": Room(10, 90)}, 1.5) == {(1, "a"): 0, (2, "a"): 0, (3, "a"): 15}


def test_who_has_nobody_to_call_holds_back_nobody_and_is_asked_all_the_same() -> None:
    dry = Asker(1, ("a",), 10.0, Share(1, priority=1), dry=True)
    assert orders_ahead([dry, Asker(2, ("a",), 10.0)], {"a": Room(10, 90)}, 1.5) == {(2, "a"): 15, (1, "a"): 1}
    assert orders_ahead([dry], {"a": Room(10, 0)}, 1.5) == {(1, "a"): 0}


def test_the_next_trunk_takes_what_the_first_has_no_room_for() -> None:
    rooms = {"a": Room(4, 90), "b": Room(20, 90)}
    assert orders_ahead([Asker(1, ("a", "b"), 10.0)], rooms, 1.5) == {(1, "a"): 6, (1, "b"): 9}
    assert orders_ahead([Asker(1, ("gone", "b"), 10.0)], rooms, 1.5) == {(1, "b"): 15}
