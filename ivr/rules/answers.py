"""How far calls that are answered, or not, speak of fewer people than there are calls: some are called again."""

from __future__ import annotations

from collections.abc import Sequence


def people_effect(calls: Sequence[int], answered: Sequence[int]) -> float:
    """By how many times more the answer rate varies than that of as many people called once each; 1 at least.

    calls, answered: those that were the first, the second … to their person, to be called again until one is answered.
    Somebody who is never there is counted as unanswered with every call: that is one person, not several. Each
    person's calls are kept together, as a sampled cluster.
    Source: W. G. Cochran, Sampling Techniques (1977), section 9A.1 (ratios of clusters of unlike size).
    """
    made, rate = sum(calls), sum(answered) / max(sum(calls), 1)
    if sum(calls[1:]) == 0 or rate == 1:
        return 1.0
    if rate == 0:
        return made / calls[0]
    scatter = 0.0
    for number, (here, hits, further) in enumerate(zip(calls, answered, [*calls[1:], 0], strict=True), 1):
        unanswered = max(here - hits - further, 0)
        scatter += hits * (1 - number * rate) ** 2 + unanswered * (number * rate) ** 2
    return max(scatter / (made * rate * (1 - rate)), 1.0)
