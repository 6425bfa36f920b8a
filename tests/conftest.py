"""Strict JAX for every test: no silent promotion of dtypes or ranks, and two devices.

XLA need not try hard: nearly all programs here run once, on a few numbers.
"""

import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
)
# In the environment, for what tests start as processes of their own: bits depend on it.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "true"

import jax
import pytest

pytest.register_assert_rewrite("mistakes")  # which compares messages

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
