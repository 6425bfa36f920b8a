"""Blocks that keep no activations for their gradient: reversible ones, and recomputed ones.

Both run their functions as they stand, once, so that variables are made, averages move and random
keys are drawn as in any model. Beside it each function is traced again, in a copy of the model's
graph, to a pure function of its arguments and of all else that it reads. Gradients come from that.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.core
import jax.extend
from jax import lax

import nn
from layers import Layer
from nn.calls import listening
from nn.graph import Array, Graph, current_graph
from slim.scoping import arg_scope, current_arg_scope

Pure = Callable[..., Any]


@dataclass(frozen=True, eq=False, repr=False)
class RevBlock(Layer):
    """Reversible residual layers (Gomez et al., 2017): what goes in follows from what comes out.

    Each layer is `y1 = x1 + f(x2)`, `y2 = x2 + g(y1)`. The gradient computes the inputs of a layer
    from its outputs, so the memory it needs does not grow with `num_layers`. The variables of `f`
    and `g` are below `revblock/revlayer_0/f`, `revblock/revlayer_0/g`, `revblock/revlayer_1/f` ...

    Args:
      f: a function `f(x)`, or `f(x, f_side_input)`, that keeps the shape; or a list of them.
      g: likewise.
      num_layers: the number of layers.
      f_side_input: a list of arrays that `f` reads besides.
      g_side_input: likewise for `g`.
      use_efficient_backprop: False: keep the activations, as any other layer does.
      name: the layer's name, and its variable scope.

    Raises:
      ValueError: a list of functions has another length than `num_layers`.

    Source: `slim.RevBlock`.

    >>> def half(x):
    ...     return slim.fully_connected(x, 4)
    >>> block = slim.RevBlock(half, half, num_layers=2)
    >>> def there_and_back(x1, x2):
    ...     return block.backward(*block.forward(x1, x2))
    >>> net, x = nn.transform(there_and_back), jnp.ones((1, 4))
    >>> [bool(jnp.allclose(x, y)) for y in net.apply(*net.init(jax.random.key(0), x, x), x, x)[0]]
    [True, True]
    """

    f: Any
    g: Any
    num_layers: int = 1
    f_side_input: Any = None
    g_side_input: Any = None
    use_efficient_backprop: bool = True
    name: str | None = "revblock"

    def __post_init__(self):
        for argument in ("f", "g"):
            functions = getattr(self, argument)
            if isinstance(functions, list) and len(functions) != self.num_layers:
                raise ValueError(
                    f"RevBlock: {argument} must be a function or a list of num_layers="
                    f"{self.num_layers} of them, got {len(functions)}."
                )

    def forward(self, x1: Array, x2: Array) -> tuple[Array, Array]:
        """Run the layers."""
        return self([x1, x2])

    def backward(self, y1: Array, y2: Array) -> tuple[Array, Array]:
        """Return the inputs of these outputs."""
        return self([y1, y2], forward=False)

    def call(self, inputs: Any, forward: bool = True) -> tuple[Array, Array]:
        """Run the layers, or run them backward."""
        one, two = inputs
        functions = [(self._scoped("f", i), self._scoped("g", i)) for i in range(self.num_layers)]
        if not forward:
            for f, g in reversed(functions):
                two = two - g(one)
                one = one - f(two)
            return one, two
        if not self.use_efficient_backprop:
            for f, g in functions:
                one = one + f(two)
                two = two + g(one)
            return one, two
        pure, read = [], []
        for f, g in functions:
            change, pure_f, read_f = _remembered(f, two)
            one = one + change
            change, pure_g, read_g = _remembered(g, one)
            two = two + change
            pure.append((pure_f, pure_g))
            read.append((read_f, read_g))
        outputs = lax.stop_gradient((one, two))
        gradient = functools.partial(_reversed, pure)
        return _with_gradient(gradient, outputs, tuple(inputs), (outputs, read))

    def _scoped(self, argument: str, index: int) -> Callable[[Array], Array]:
        functions = getattr(self, argument)
        function = functions[index] if isinstance(functions, list) else functions
        side = getattr(self, f"{argument}_side_input")

        def scoped(x: Array) -> Array:
            with nn.variable_scope(f"revlayer_{index}/{argument}"):
                return function(x, side) if side else function(x)

        return scoped


def _reversed(pure: list[tuple[Pure, Pure]], kept: Any, slopes: tuple[Array, Array]) -> tuple:
    """The gradient of reversible layers, from their outputs."""
    (one, two), read = kept
    slope1, slope2 = slopes
    slopes_of_read = []
    for (f, g), (read_f, read_g) in reversed(list(zip(pure, read, strict=True))):
        change, pull = jax.vjp(g, read_g, one)
        two = two - change
        slopes_g, slope = pull(slope2)
        slope1 = slope1 + slope
        change, pull = jax.vjp(f, read_f, two)
        one = one - change
        slopes_f, slope = pull(slope1)
        slope2 = slope2 + slope
        slopes_of_read.append((slopes_f, slopes_g))
    return (slope1, slope2), (None, slopes_of_read[::-1])


def rev_block(
    x1: Array,
    x2: Array,
    f: Any,
    g: Any,
    num_layers: int = 1,
    f_side_input: Any = None,
    g_side_input: Any = None,
    is_training: bool = True,
) -> tuple[Array, Array]:
    """Run a new `slim.RevBlock`, which explains the arguments; in training it saves memory.

    Source: `slim.rev_block`.

    >>> def model(x):
    ...     return slim.rev_block(x, x, lambda x: slim.fully_connected(x, 4), lambda x: 0 * x)
    >>> list(nn.transform(model).init(jax.random.key(0), jnp.ones((1, 4)))[0])[0]
    'revblock/revlayer_0/f/fully_connected/weights'
    """
    reuse = nn.get_variable_scope().reuse
    block = RevBlock(f, g, num_layers, f_side_input, g_side_input, is_training, _reuse=reuse)
    return block.forward(x1, x2)


def _with_or_without_arguments(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """Let `@decorator` and `@decorator(argument=...)` mean the same."""

    @functools.wraps(decorator)
    def either(*args: Any, **kwargs: Any) -> Any:
        if args and callable(args[0]):
            return decorator(*args, **kwargs)
        return lambda fn: decorator(fn, *args, **kwargs)

    return either


@_with_or_without_arguments
def recompute_grad(
    fn: Callable[..., Any],
    use_data_dep: Any = "__rev_block_lib_default",
    tupleize_grads: bool = False,
) -> Callable[..., Any]:
    """Decorate a function of arrays: its gradient computes it again instead of keeping activations.

    Unlike a bare `jax.checkpoint` it may make variables, draw random keys and move averages.

    Args:
      fn: takes arrays, by position. An argument `is_recomputing` is told whether the call is the
        second one.
      use_data_dep: accepted as in TensorFlow: XLA orders the computation.
      tupleize_grads: likewise.

    Raises:
      ValueError: `fn` closes over an array, or is called with what is none.

    Source: `slim.recompute_grad`.

    >>> @slim.recompute_grad
    ... def block(x):
    ...     return slim.fully_connected(slim.fully_connected(x, 4), 4)
    >>> [v.name for v in nn.transform(block).variables(jnp.ones((1, 4)))][::2]
    ['fully_connected/weights', 'fully_connected_1/weights']
    """
    del use_data_dep, tupleize_grads
    free = inspect.getclosurevars(fn).nonlocals if inspect.isfunction(fn) else {}
    for name, value in free.items():
        if isinstance(value, jax.Array | nn.Variable):
            raise ValueError(
                f"recompute_grad: the function closes over the array {name!r}. Make it an argument."
            )
    is_told = "is_recomputing" in inspect.signature(fn).parameters

    @functools.wraps(fn)
    def recomputed(*args: Any) -> Any:
        if not all(isinstance(arg, jax.Array) for arg in args):
            raise ValueError(f"recompute_grad: all arguments must be arrays, got {args!r}.")
        told = [{"is_recomputing": again} for again in (False, True)] if is_told else [{}, {}]
        first, second = (functools.partial(fn, **words) for words in told)
        outputs, pure, read = _remembered(first, *args, again=second)
        gradient = functools.partial(_recomputed, pure)
        return _with_gradient(gradient, lax.stop_gradient(outputs), (), (read, args))

    return recomputed


def _recomputed(pure: Pure, kept: Any, slopes: Any) -> tuple:
    """The gradient of a function, from its arguments."""
    read, args = lax.optimization_barrier(kept)  # else XLA would find the first run's results
    slopes_of_read, *slopes_of_args = jax.vjp(pure, read, *args)[1](slopes)
    return (), (slopes_of_read, tuple(slopes_of_args))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _with_gradient(gradient: Callable, outputs: Any, inputs: Any, kept: Any) -> Any:
    """Return `outputs`, which depend on `inputs` and `kept` as `gradient` says.

    For it only `kept` is stored: `gradient(kept, slopes)` returns the slopes of `inputs` and
    `kept`.
    """
    del gradient, inputs, kept
    return outputs


_with_gradient.defvjp(
    lambda gradient, outputs, inputs, kept: (outputs, kept),
    lambda gradient, kept, slopes: (None, *gradient(kept, slopes)),
)


def _remembered(fn: Callable[..., Any], *args: Any, again: Any = None) -> tuple[Any, Pure, list]:
    """Run `fn` in the model, and trace it a second time (`again`, if it is another then).

    Returns:
      `outputs, pure, read`, where `pure(read, *args)` is the same again as a pure function, and
      `read` what it uses besides its arguments: variables, random keys, arrays in its closure.
    """
    graph = current_graph("a block that is computed again")
    twin = _copied(graph)
    outputs = fn(*args)
    twin.variables, twin.values = dict(graph.variables), {**graph.values, **twin.values}

    def replayed(*args: Any) -> Any:
        twin.trace = jax.extend.core.get_opaque_trace_state(convention="slimlayers")
        with twin, listening(lambda call: None), arg_scope(current_arg_scope()):
            return (again or fn)(*args)

    traced, shapes = jax.make_jaxpr(replayed, return_shape=True)(*args)

    def pure(read: list, *args: Any) -> Any:
        flat = jax.core.eval_jaxpr(traced.jaxpr, read, *jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), flat)

    return outputs, pure, list(traced.consts)


def _copied(graph: Graph) -> Graph:
    """A copy of the running model's graph, where variables are there already."""
    nn.get_variable_scope()  # opens the root scope, if none is open
    twin = copy.copy(graph)
    for name, value in vars(graph).items():
        if isinstance(value, dict):
            copied = {k: list(v) if isinstance(v, list) else v for k, v in value.items()}
            setattr(twin, name, copied)
    twin.scope, twin.call = replace(graph.scope, reuse=True), None
    return twin
