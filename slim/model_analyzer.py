"""How large the variables and the intermediate values of a model are."""

import math
from collections.abc import Iterable
from typing import Any

import nn

__all__ = ["analyze_ops", "analyze_vars", "tensor_description"]


def tensor_description(var: Any) -> str:
    """Return the dtype and the shape of an array or a variable as a short text.

    Source: `slim.model_analyzer.tensor_description`.

    >>> slim.model_analyzer.tensor_description(jnp.ones((1, 8, 8, 1024)))
    '(float32 1x8x8x1024)'
    """
    return f"({var.dtype} {'x'.join(map(str, var.shape))})"


def analyze_ops(graph: Any, print_info: bool = False) -> int:
    """Return how many numbers the operations of a program compute.

    Args:
      graph: the program, which in JAX is a jaxpr: `jax.make_jaxpr(net.apply)(params, state, x)`.
      print_info: print a line for each operation.

    Raises:
      TypeError: `graph` is no jaxpr.

    Source: `slim.model_analyzer.analyze_ops`.

    >>> slim.model_analyzer.analyze_ops(jax.make_jaxpr(lambda x: jnp.sin(x) + 1)(jnp.ones(3)))
    6
    """
    jaxpr = getattr(graph, "jaxpr", graph)
    if not hasattr(jaxpr, "eqns"):
        raise TypeError(
            "analyze_ops: graph must be a jaxpr, jax.make_jaxpr(net.apply)(params, state, x), got "
            f"{graph!r}."
        )
    if print_info:
        print("---------", "Operations: name -> (type shapes) [size]", "---------", sep="\n")
    total = 0
    for equation in jaxpr.eqns:
        outputs = [variable.aval for variable in equation.outvars]
        size = sum(output.size for output in outputs)
        if print_info:
            shapes = ", ".join(tensor_description(output) for output in outputs if output.shape)
            print(f"{equation.primitive.name} \t-> {shapes} [{size}]")
        total += size
    return total


def analyze_vars(variables: Iterable[nn.Variable], print_info: bool = False) -> tuple[int, int]:
    """Return how many numbers variables hold, and how many bytes.

    Args:
      variables: those of a model: `net.variables(...)`.
      print_info: print a line for each.

    Source: `slim.model_analyzer.analyze_vars`.

    >>> variables = nn.transform(layers.Dense(3)).variables(jnp.ones((2, 4)))
    >>> slim.model_analyzer.analyze_vars(variables, print_info=True)
    ---------
    Variables: name (type shape) [size]
    ---------
    dense/kernel (float32 4x3) [12, bytes: 48]
    dense/bias (float32 3) [3, bytes: 12]
    Total size of variables: 15
    Total bytes of variables: 60
    (15, 60)
    """
    if print_info:
        print("---------", "Variables: name (type shape) [size]", "---------", sep="\n")
    sizes, widths = [], []
    for var in variables:
        size = math.prod(var.shape)
        sizes.append(size)
        widths.append(size * var.dtype.itemsize)
        if print_info:
            print(f"{var.name} {tensor_description(var)} [{size}, bytes: {widths[-1]}]")
    if print_info:
        print(f"Total size of variables: {sum(sizes)}\nTotal bytes of variables: {sum(widths)}")
    return sum(sizes), sum(widths)
