"""How far two clusterings agree, whatever their clusters are called: scikit-learn's scores."""

from collections.abc import Callable
from math import lgamma

import numpy as np


def _table(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """`[class, cluster]`: how many points are in both."""
    rows, columns = (np.unique(x, return_inverse=True)[1] for x in (labels, predictions))
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    return table


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log(shares)))


def _information(table: np.ndarray) -> float:
    """The mutual information: what is known of one clustering by knowing the other."""
    whole = _entropy(table.sum(1)) + _entropy(table.sum(0)) - _entropy(table)
    return max(whole, 0.0)


def _expected_information(table: np.ndarray) -> float:
    """The mean of the mutual information over all ways to deal the points, sizes kept."""
    n, total = int(table.sum()), 0.0
    log_factorial = np.array([lgamma(i + 1) for i in range(n + 1)])
    for a in table.sum(1).astype(int):
        for b in table.sum(0).astype(int):
            both = np.arange(max(1, a + b - n), min(a, b) + 1)
            ways = sum(log_factorial[[a, b, n - a, n - b]]) - log_factorial[n]
            ways = ways - sum(
                log_factorial[k] for k in (both, a - both, b - both, n - a - b + both)
            )
            total += float(np.sum(both / n * np.log(n * both / (a * b)) * np.exp(ways)))
    return total


def _is_trivial(table: np.ndarray) -> bool:
    """Whether both have one cluster only, or one for each point."""
    return table.shape in ((1, 1), (int(table.sum()),) * 2)


def _normalized(table: np.ndarray) -> float:
    """The mutual information as a share of the mean entropy; also called V-measure."""
    mean = (_entropy(table.sum(1)) + _entropy(table.sum(0))) / 2
    return _information(table) / mean if _information(table) > 0 else float(mean == 0)


def _adjusted(table: np.ndarray) -> float:
    """The same, beyond what chance would give."""
    if _is_trivial(table):
        return 1.0
    mean = (_entropy(table.sum(1)) + _entropy(table.sum(0))) / 2
    expected, tiny = _expected_information(table), np.finfo("float64").eps
    left = mean - expected
    left = min(left, -tiny) if left < 0 else max(left, tiny)
    return (_information(table) - expected) / left


def _rand(table: np.ndarray) -> float:
    """The share of the pairs of points that both keep together or apart, beyond chance."""
    n, together = table.sum(), np.sum(table**2)
    by_row, by_column = np.sum(table.sum(1) ** 2), np.sum(table.sum(0) ** 2)
    both, first, second = together - n, by_row - together, by_column - together
    neither = n**2 - both - first - second - n
    if first == 0 and second == 0:
        return 1.0
    return float(
        2
        * (both * neither - first * second)
        / ((both + first) * (first + neither) + (both + second) * (second + neither))
    )


SCORES: dict[str, Callable[[np.ndarray], float]] = {
    "nmi": _normalized,
    "ami": lambda table: max(_adjusted(table), 0.0),
    "ari": lambda table: max(_rand(table), 0.0),
    "vmeasure": _normalized,
}


def score(kind: str, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """`[...]`: the score of each pair of clusterings, `[..., n]`."""
    labels, predictions = np.broadcast_arrays(labels, predictions)
    rows = (x.reshape(-1, x.shape[-1]) for x in (labels, predictions))
    found = [SCORES[kind](_table(*pair)) for pair in zip(*rows, strict=True)]
    return np.array(found, "float32").reshape(labels.shape[:-1])
