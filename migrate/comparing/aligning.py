"""The calls of two models, paired layer by layer."""

from collections.abc import Sequence

from migrate.expressions import shapes
from migrate.recording import Record

Paired = tuple[Record | None, Record | None]

# What Slim calls otherwise than `layers`, in lower case and without underscores.
_KIN = {
    "fullyconnected": "dense",
    "maxpool2d": "maxpooling2d",
    "maxpool3d": "maxpooling3d",
    "avgpool2d": "averagepooling2d",
    "avgpool3d": "averagepooling3d",
    "batchnorm": "batchnormalization",
    "depthwiseconv2d": "separableconv2d",
}


def align(a: Sequence[Record], b: Sequence[Record]) -> list[Paired]:
    """Pair the calls of two models in their order; what has no partner stands alone.

    As many calls as possible are paired, and of equally many the more alike ones.
    """
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if likeness := _likeness(a[i], b[j]):
                best[i][j] = max(best[i][j], likeness + best[i + 1][j + 1])
    pairs: list[Paired] = []
    i = j = 0
    while i < len(a) and j < len(b):
        likeness = _likeness(a[i], b[j])
        if likeness and best[i][j] == likeness + best[i + 1][j + 1]:
            pairs.append((a[i], b[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((a[i], None))
            i += 1
        else:
            pairs.append((None, b[j]))
            j += 1
    return [*pairs, *((one, None) for one in a[i:]), *((None, one) for one in b[j:])]


def _likeness(a: Record, b: Record) -> int:
    """0 for calls of different layers."""
    if a.function is not b.function and _family(a) != _family(b):
        return 0
    return 8 + 4 * (a.scope == b.scope) + 2 * (shapes(a.outputs) == shapes(b.outputs))


def _family(one: Record) -> str:
    plain = one.op.replace("_", "").replace("convolution", "conv").lower()
    return _KIN.get(plain, plain)
