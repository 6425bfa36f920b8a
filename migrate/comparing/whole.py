"""Two models compared: how far they are one, and where they first differ."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate import tables
from migrate.comparing import picture, report, sheet
from migrate.comparing.aligning import Paired, align
from migrate.comparing.arguments import Pair
from migrate.comparing.locating import Difference, locate, unlike_arguments
from migrate.comparing.matching import Matching
from migrate.comparing.numbers import concrete
from migrate.comparing.rungs import NUMBERS, Ladder, Rung
from migrate.comparing.sides import Side, sides


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far two models are one; prints as a report.

    Attributes:
      rungs: what was tried, up to the first that failed.
    """

    ladder: Ladder
    rungs: tuple[Rung, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        """The two models."""
        return self.ladder.sides

    @property
    def failed(self) -> Rung | None:
        """The rung that failed."""
        return None if self.rungs[-1].ok else self.rungs[-1]

    @property
    def one_program(self) -> bool:
        """Whether they are the same program: all rungs hold."""
        return self.failed is None

    @property
    def same_numbers(self) -> bool:
        """Whether they compute the same, trained or not, be it by different programs."""
        return self.failed is None or self.failed.name not in NUMBERS

    @cached_property
    def difference(self) -> Difference | None:
        """Where they first diverge; None if all rungs hold."""
        failure = self.failed and self.failed.failure
        return locate(self.ladder, failure) if failure else None

    @property
    def matching(self) -> Matching:
        """Which variable is which."""
        return self.ladder.matching

    @cached_property
    def layers(self) -> list[Paired]:
        """The calls of both, side by side, in training if they can be."""
        a, b = (side.recording(side.modes[-1]) for side in self.sides)
        return align(a.records, b.records)

    @property
    def unlike(self) -> list[tuple[Paired, Pair]]:
        """Every argument that differs, with or without effect."""
        return [(pair, unlike) for pair in self.layers for unlike in unlike_arguments(pair)]

    def to_html(self) -> str:
        """Return one page that needs nothing else: both sources and what they resolve to."""
        return sheet.page_of(self)

    def to_svg(self) -> str:
        """Return a picture of the layers side by side; it tells no times."""
        return picture.draw(self)

    def __str__(self) -> str:
        """The report."""
        return tables.as_text(report.of(self))

    __repr__ = __str__


def compare(a: Callable, b: Callable, *args: Any, **kwargs: Any) -> Comparison:
    """Tell whether two models are one, and if not where they first diverge.

    They are tried on rungs, up to the first that fails: both build; they have the same variables;
    they give the same with constant weights, and with random weights in training and not (outputs,
    regularization loss, moving statistics); the same gradients; the same weights after three steps;
    the same jaxpr; the same StableHLO. Both modes are tried where a model takes `is_training` or
    `training` and is not given it.

    Args:
      a: a model function, as `nn.transform` takes it.
      b: another.
      *args: the arguments of both; random numbers stand in for `jax.ShapeDtypeStruct`.
      **kwargs: go to the sides that take them.

    >>> images = jnp.ones((1, 8, 8, 1))
    >>> found = migrate.compare(models.mnist.explicit, models.mnist.scoped, images)
    >>> found.one_program, [rung.name for rung in found.rungs][-2:]
    (True, ['same jaxpr', 'same StableHLO'])
    """
    ladder = Ladder(*sides(a, b, args, concrete(kwargs)))
    return Comparison(ladder, tuple(ladder.climb()))
