"""`slim.utils`: what it takes, refuses and returns."""

from __future__ import annotations

import itertools

import numpy as np

from goldens.kit import Input, Table
from goldens.variable_cases import X, named

CASES = Table(gradients=False)
case = named(CASES)

PLAIN = [
    3,
    0,
    -1,
    True,
    None,
    3.0,
    "3",
    "ab",
    (1, 2),
    [1, 2],
    [1, 2, 3],
    (1.5, 2),
    ("a", 1),
    (None, 1),
    (1, 0),
    (-1, 2),
    [],
    {1: 1, 2: 2},
]
for value in PLAIN:

    @case(f"two_element_tuple({value!r})")
    def two(t, x, value=value):
        return list(t.slim.utils.two_element_tuple(value))


for n, value in [
    *itertools.product([1, 2], PLAIN),
    (0, 1),
    (-1, 1),
    (2.0, 2),
    (2.5, 2),
    ("2", 2),
    ("x", 2),
    (None, 2),
    (True, 2),
    (1, [True]),
    (2, "12"),
    (2, 2.7),
]:

    @case(f"n_positive_integers({n!r}, {value!r})")
    def positive(t, x, n=n, value=value):
        return list(t.slim.utils.n_positive_integers(n, value))


for shape, rank in itertools.product([(2,), (2, 3), (2, 3, 4, 5)], [1, 2, 4, 5]):

    @case(f"last_dimension({shape}, {rank})", shape)
    def last(t, x, rank=rank):
        return t.slim.utils.last_dimension(x.shape, rank)

    for data_format in ["channels_first", "channels_last", "NCHW", None]:

        @case(
            f"channel_dimension({shape}, {data_format}, {rank})",
            shape,
            skip="IndexError"
            if shape == (2,) and rank == 1 and data_format == "channels_first"
            else "",
        )
        def channels(t, x, rank=rank, data_format=data_format):
            return t.slim.utils.channel_dimension(x.shape, data_format, min_rank=rank)


for value in [3, "a", True, 0.5, (1, 2), None]:

    @case(f"constant_value({value!r})")
    def constant(t, x, value=value):
        return t.slim.utils.constant_value(value)


for dtype in [None, "float32", "int32"]:

    @case(f"constant_value of an input, {dtype}")
    def constant_of_an_input(t, x, dtype=dtype):
        return t.slim.utils.constant_value(x, dtype and getattr(np, dtype))


for dtype in [None, "int32"]:

    @case(f"constant_value of a variable, {dtype}")
    def constant_of_a_variable(t, x, dtype=dtype):
        t.slim.variable("v", [2])
        found = t.slim.get_unique_variable("v")
        return t.slim.utils.constant_value(found, dtype and getattr(np, dtype))


def one():
    return 1.0


def two_():
    return 2.0


FLAGS = [True, False, 1, 0, 2.5, "x", "", [], None, np.bool_(False), np.array(True)]
for kind, pred in itertools.product(["static_cond", "smart_cond"], FLAGS):

    @case(f"{kind}({pred!r})")
    def chosen(t, x, kind=kind, pred=pred):
        return getattr(t.slim.utils, kind)(pred, one, two_)


for kind, functions in itertools.product(["static_cond", "smart_cond"], [(1, two_), (one, 2)]):

    @case(f"{kind} of {functions[0] == 1} no function")
    def chosen_of_no_function(t, x, kind=kind, functions=functions):
        return getattr(t.slim.utils, kind)(True, *functions)

    @case(f"{kind} by an input of {functions[0] == 1} no function", Input((), "true", "bool"))
    def chosen_by_an_input_of_no_function(t, x, kind=kind, functions=functions):
        return getattr(t.slim.utils, kind)(x, *functions)


FLAG_INPUTS = {
    "true": Input((), "true", "bool"),
    "false": Input((), "false", "bool"),
    "vector": Input((2,), "true", "bool"),
    "int": Input((), "labels", "int32"),
    "float": Input(()),
}
for kind, (label, spec) in itertools.product(["static_cond", "smart_cond"], FLAG_INPUTS.items()):

    @case(f"{kind} by an input: {label}", spec, X)
    def chosen_by_an_input(t, flag, x, kind=kind):
        return getattr(t.slim.utils, kind)(flag, lambda: x * 2.0, lambda: x + 1.0, "name")


COLLECTIONS = [None, [], ["a"], {"weights": ["a"]}, {"biases": ["a"]}, {}, "a"]


@case("get_variable_collections")
def variable_collections(t, x):
    get = t.slim.utils.get_variable_collections
    return [get(collections, "weights") for collections in COLLECTIONS]


@case("aliases")
def aliases(t, x):
    utils = t.slim.utils
    y = utils.append_tensor_alias(x * 2.0, "y")
    utils.append_tensor_alias(y, "also/")
    z = utils.collect_named_outputs(["ends", "more"], "z", x + 1.0)
    utils.append_tensor_alias(z, "later")
    t.add_to_collection("ends", y)
    t.slim.variable("v", [2])
    variable = t.slim.get_unique_variable("v")
    return [
        utils.get_tensor_aliases(y),
        utils.get_tensor_aliases(variable),
        utils.gather_tensors_aliases([y, variable]),
        sorted(utils.convert_collection_to_dict("ends")),
        list(utils.convert_collection_to_dict("more", clear_collection=True)),
        list(utils.convert_collection_to_dict("more")),
        list(utils.NamedOutputs("a", 1)),
    ]
