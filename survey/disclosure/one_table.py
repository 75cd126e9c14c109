"""Suppression in one table with a total, independent of other tables."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from survey.disclosure.lines import LEAST_SHOWN, Key, is_small


def safe_to_publish(counts: Sequence[int], suppressed: Sequence[bool] = ()) -> list[bool]:
    """Which lines of a table with a total may be published.

    None with 1 … LEAST_SHOWN - 1 ratings, and none suppressed elsewhere (`suppressed`). Since
    subtracting the published lines from the total reveals the sum of the suppressed ones, the
    smallest other lines are suppressed too (complementary suppression) until there are at least two
    with LEAST_SHOWN ratings together; where all lines have fewer, none is published.
    """
    held = [is_small(count) for count in counts]
    held = [one or other for one, other in zip(held, suppressed or held, strict=True)]
    if not any(held):
        return [True] * len(counts)
    others = sorted(
        (count, place) for place, count in enumerate(counts) if count and not held[place]
    )
    kept = [count for count, hold in zip(counts, held, strict=True) if count and hold]
    for count, place in others:
        if len(kept) > 1 and sum(kept) >= LEAST_SHOWN:
            break
        held[place] = True
        kept.append(count)
    is_safe = len(kept) > 1 and sum(kept) >= LEAST_SHOWN
    return [is_safe and not hold for hold in held]


def suppressed_in(
    keys: Sequence[Key], rated: Mapping[Key, int], suppressed: Collection[Key] = ()
) -> Iterable[Key]:
    """Lines of one table that must be suppressed; `suppressed` are those suppressed elsewhere."""
    counts = [rated[key] for key in keys]
    published = safe_to_publish(counts, [key in suppressed for key in keys])
    return (key for key, safe in zip(keys, published, strict=True) if rated[key] and not safe)
