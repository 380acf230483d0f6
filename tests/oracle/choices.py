"""Textbook algorithms that follow every choice: matchings, greedy pairs, a flow. Small inputs only."""

from collections import Counter
from dataclasses import replace

# More states than this are not followed.
LIMIT = 3_000


class TooMany(Exception):
    """There are more choices than are worth to be followed."""


def candidates(lefts, rights):
    """Pairs that may have a weight: copies that are compared in `start` go with those of the same `start` alone."""
    by_start = {}
    for b in rights:
        by_start.setdefault(b.start, []).append(b)
    for a in lefts:
        others = rights if a.start is None else by_start.get(a.start, []) + by_start.get(None, [])
        yield from ((a, b) for b in others)


def components(lefts, rights, weight):
    """The connected parts of a bipartite graph over kinds of copies, and the kinds that have no edge."""
    edges = {(a, b): w for a, b in candidates(lefts, rights) if (w := weight(a, b)) is not None}
    beside = {}
    for a, b in edges:
        beside.setdefault(("l", a), []).append(("r", b))
        beside.setdefault(("r", b), []).append(("l", a))
    parts, done = [], set()
    for node in beside:
        if node in done:
            continue
        stack, part = [node], []
        while stack:
            here = stack.pop()
            if here not in done:
                done.add(here)
                part.append(here)
                stack += beside[here]
        parts.append(([k for s, k in part if s == "l"], [k for s, k in part if s == "r"]))
    alone = [k for k in lefts if ("l", k) not in beside], [k for k in rights if ("r", k) not in beside]
    return edges, parts, alone


def combine(lefts, rights, weight, solve):
    """(pairs, left over, right over) for each way that the parts of the graph can be solved in."""
    lefts, rights = Counter(lefts), Counter(rights)
    edges, parts, alone = components(lefts, rights, weight)
    over = list(Counter({k: lefts[k] for k in alone[0]}).elements()), list(Counter({k: rights[k] for k in alone[1]}).elements())
    ways = [(0, *over)]
    for left_kinds, right_kinds in parts:
        solved = solve(left_kinds, [lefts[k] for k in left_kinds], right_kinds, [rights[k] for k in right_kinds], edges)
        spread = lambda kinds, counts: [k for k, n in zip(kinds, counts) for _ in range(n)]
        ways = [
            (pairs + more, left + spread(left_kinds, l), right + spread(right_kinds, r))
            for pairs, left, right in ways
            for more, l, r in solved
        ]
        if len(ways) > LIMIT // 4:
            raise TooMany
    return [(pairs, list(left), list(right)) for pairs, left, right in ways]


def largest_matchings(lefts, rights, weight):
    """All ways to leave copies over when as many as possible are matched, and among these with the most weight."""
    return combine(lefts, rights, weight, solve_matching)


def solve_matching(left_kinds, left_counts, right_kinds, right_counts, edges):
    # One copy of the left after the other is matched with each kind of the right, or left over. A state is what is
    # over, of which the greatest weight is kept.
    states = {(tuple([0] * len(left_kinds)), tuple(right_counts)): 0}
    for index, (kind, count) in enumerate(zip(left_kinds, left_counts)):
        for _ in range(count):
            following = {}
            for (over, free), weight in states.items():
                keep(following, (over[:index] + (over[index] + 1,) + over[index + 1 :], free), weight)
                for at, right in enumerate(right_kinds):
                    if free[at] and (kind, right) in edges:
                        keep(following, (over, free[:at] + (free[at] - 1,) + free[at + 1 :]), weight + edges[kind, right])
            if len(following) > LIMIT:
                raise TooMany
            states = following
    best = max((-sum(over), weight) for (over, _), weight in states.items())
    return [
        (sum(left_counts) - sum(over), over, free)
        for (over, free), weight in states.items()
        if (-sum(over), weight) == best
    ]


def keep(states, state, weight):
    states[state] = max(weight, states.get(state, weight))


def greedy_pairs(lefts, rights, weight):
    """All ways to pair copies, the greatest weight first."""
    return combine(lefts, rights, weight, solve_greedy)


def solve_greedy(left_kinds, left_counts, right_kinds, right_counts, edges):
    states, ends = {(tuple(left_counts), tuple(right_counts))}, set()
    by_weight = [
        (edges[a, b], left, right)
        for left, a in enumerate(left_kinds)
        for right, b in enumerate(right_kinds)
        if (a, b) in edges
    ]
    while states:
        following = set()
        for left, right in states:
            open_ = [(w, a, b) for w, a, b in by_weight if left[a] and right[b]]
            if not open_:
                ends.add((left, right))
                continue
            top = max(open_)[0]
            for weight, a, b in open_:
                if weight == top:
                    following.add((less(left, a), less(right, b)))
        if len(following) > LIMIT:
            raise TooMany
        states = following
    return [(sum(left_counts) - sum(left), left, right) for left, right in ends]


def less(counts, index):
    return counts[:index] + (counts[index] - 1,) + counts[index + 1 :]


def most_hidden(rows, copies):
    """The most copies that rows can stand for, each row for as many as fit into it: the largest flow (Edmonds and Karp)."""
    alike = Counter()
    for row in rows:
        alike[replace(row, capacity=0)] += row.capacity
    rows, room = list(alike), list(alike.values())
    supply = Counter(tuple(at for at, row in enumerate(rows) if row.allows(copy)) for copy in copies)
    groups, left = list(supply), list(supply.values())
    flow, total = Counter(), 0
    while path := augmenting(groups, left, room, flow):
        back = [flow[group, at] for at, group in zip(path[1::2], path[2::2])]
        much = min([left[path[0]], room[path[-1]], *back])
        left[path[0]] -= much
        room[path[-1]] -= much
        total += much
        for group, at in zip(path[::2], path[1::2]):
            flow[group, at] += much
        for at, group in zip(path[1::2], path[2::2]):
            flow[group, at] -= much
    return total


def augmenting(groups, left, room, flow):
    """The shortest way from a group of copies that are not placed to a row with room: group, row, group, row ..."""
    ways = [[group] for group, rest in enumerate(left) if rest]
    seen = {("group", way[0]) for way in ways}
    for way in ways:
        for at in groups[way[-1]]:
            if ("row", at) in seen:
                continue
            seen.add(("row", at))
            if room[at]:
                return way + [at]
            for group in range(len(groups)):
                if flow[group, at] and ("group", group) not in seen:
                    seen.add(("group", group))
                    ways.append(way + [at, group])
    return None
