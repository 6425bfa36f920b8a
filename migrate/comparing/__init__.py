"""`compare`: whether two models are one, and where they first differ."""

from migrate.comparing.command import add_arguments, run
from migrate.comparing.locating import Difference
from migrate.comparing.rungs import Rung
from migrate.comparing.whole import Comparison, compare

__all__ = ["Comparison", "Difference", "Rung", "add_arguments", "compare", "run"]
