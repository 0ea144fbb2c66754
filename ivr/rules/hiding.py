"""Which cells of a breakdown are not told, so that nobody can be recognised, nor found by subtraction."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.rules.measures import SMALL


def hidden(calls: Mapping[str, int]) -> frozenset[str]:
    """The cells of which nothing that was heard is told. calls: answered ones with a listen, by cell.

    Those below 20 calls; and, since the whole is told, the smallest others beside them until those that are not told
    are two at least and 20 calls together: what is left of the whole then speaks of no fewer.
    """
    filled = sorted((count, cell) for cell, count in calls.items() if count)
    kept = [(count, cell) for count, cell in filled if count >= SMALL]
    away = [(count, cell) for count, cell in filled if count < SMALL]
    while away and kept and (len(away) == 1 or sum(count for count, _ in away) < SMALL):
        away.append(kept.pop(0))
    return frozenset(cell for _, cell in away)


def hidden_beside(calls: Mapping[str, int], others: Mapping[str, int]) -> frozenset[str]:
    """As `hidden`, of a dimension whose cells are mostly `others`, those of another, or made of them.

    All of them where either hides anything: what one tells would be subtracted from what the other tells.
    """
    return frozenset(calls) if hidden(calls) or hidden(others) else frozenset()
