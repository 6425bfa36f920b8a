"""Tools that read models: where every argument came from, and how two styles compare.

They listen to the one hook of the core (`nn.calls`); nothing below knows them.
"""

from migrate.comparing import compare
from migrate.explaining import explain
from migrate.recording import record
from migrate.unrolling import unroll

__all__ = ["compare", "explain", "record", "unroll"]
