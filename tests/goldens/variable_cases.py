"""Slim's variables with all their arguments, the finders, and the global step."""

from __future__ import annotations

import itertools

import numpy as np

from goldens.kit import Input, Table

CASES = Table(gradients=False)
X = (2, 3)


def named(cases):
    """Return a decorator: the function is one of the cases, under a name that may be any text."""

    def case(name, *inputs, **fields):
        def add(function):
            function.__name__ = name
            return cases.program(*(inputs or [X]), **fields)(function)

        return add

    return case


case = named(CASES)


# Making variables ---------------------------------------------------------------------------------

ROWS = [
    {},
    {"dtype": "float16"},
    {"dtype": "int32"},
    {"dtype": "bool"},
    {"shape": [], "initializer": "zeros"},
    {"shape": 3},
    {"shape": None},
    {"initializer": "zeros"},
    {"initializer": "ones", "dtype": "int32"},
    {"initializer": np.ones((2, 3), "float32"), "shape": None},
    {"initializer": np.ones((2, 3), "float32")},
    {"initializer": 2.0, "shape": None},
    {"initializer": 2, "shape": None, "dtype": "int32"},
    {"regularizer": 0.5},
    {"regularizer": 0.0},
    {"trainable": False},
    {"trainable": False, "regularizer": 0.5},
    {"collections": []},
    {"collections": ["one", "two"]},
    {"collections": ("one", "one")},
    {"collections": ["trainable_variables"]},
    {"collections": ["model_variables", "variables"], "trainable": False},
    {"collections": None, "caching_device": None, "device": None, "use_resource": None},
    {"name": "a/b"},
    {"name": "bad name"},
    {"name": "/slash"},
]
for (kind, row), scoped in itertools.product(
    itertools.product(["variable", "model_variable"], ROWS), [False, True]
):

    @case(f"{kind}({row}) {'as scoped' if scoped else ''}")
    def made(t, x, kind=kind, row=row, scoped=scoped):
        given = {"name": "v", "shape": [2, 3]} | row
        if isinstance(given.get("initializer"), str):
            given["initializer"] = getattr(t, f"{given['initializer']}_initializer")()
        if "regularizer" in given:
            given["regularizer"] = t.slim.l2_regularizer(given["regularizer"])
        op, name = getattr(t.slim, kind), given.pop("name")
        if not scoped:
            return op(name, **given)
        with t.slim.arg_scope([op], **given), t.variable_scope("s"):
            return op(name)


@case("custom getter of a variable")
def custom_getter(t, x):
    def tripled(getter, name, *args, **kwargs):
        return 3.0 * getter(name + "_tripled", *args, **kwargs)

    def plain(name, shape=None, reuse=None, **kwargs):
        return t.get_variable(name + "_own", shape, **kwargs)

    with t.variable_scope("s", custom_getter=tripled):
        first = t.slim.variable("v", [2, 3])
    return [
        first,
        t.slim.variable(
            "v",
            [2, 3],
            custom_getter=lambda *a, **k: plain(
                *a,
                **{
                    key: k[key]
                    for key in ["shape", "dtype", "initializer", "trainable", "collections"]
                },
            ),
        ),
    ]


@case("scope rules of slim variables")
def scope_rules(t, x):
    with t.variable_scope("s", initializer=t.ones_initializer(), dtype="float16"):
        t.slim.variable("v", [2])
        t.slim.model_variable("m", [2])  # says float32
        t.slim.variable("z", [2], initializer=t.zeros_initializer())


@case("model variable inside a scope of variable")
def nested_arg_scopes(t, x):
    with t.slim.arg_scope([t.slim.variable], collections=["a"], trainable=False):
        t.slim.model_variable("m", [2])
        with t.slim.arg_scope([t.slim.variable], collections=["b"]):
            t.slim.variable("v", [2])
        t.slim.variable("w", [2])
    with t.slim.arg_scope([t.slim.model_variable], collections=["c"]):
        t.slim.model_variable("n", [2])
    return {key: t.names(t.get_collection(key)) for key in ["a", "b", "c"]}


@case("reuse with another shape")
def reuse_shape(t, x):
    t.slim.variable("v", [2])
    with t.variable_scope("", reuse=True):
        t.slim.variable("v", [3])


@case("reuse with another dtype")
def reuse_dtype(t, x):
    t.slim.variable("v", [2])
    with t.variable_scope("", reuse=True):
        t.slim.variable("v", [2], dtype="int32")


@case("reuse of nothing")
def reuse_nothing(t, x):
    with t.variable_scope("", reuse=True):
        t.slim.model_variable("v", [2])


VALUES = {
    "int": 0,
    "float": 0.5,
    "bool": True,
    "list": [1, 2],
    "array": np.zeros((2, 3), "float32"),
    "none": None,
}
for kind, (label, value) in itertools.product(
    ["local_variable", "global_variable"], VALUES.items()
):

    @case(f"{kind} of {label}")
    def untrained(t, x, kind=kind, value=value):
        make = getattr(t.slim, kind)
        return [make(value), make(value, True, "v"), make(lambda: value, name="a/b")]


for kind in ["local_variable", "global_variable"]:

    @case(f"{kind} names")
    def untrained_names(t, x, kind=kind):
        make = getattr(t.slim, kind)
        for _ in range(3):
            make(0.0)
            make(0.0, name="v")
        for _ in range(2):
            with t.variable_scope("s", reuse=t.AUTO_REUSE, initializer=t.ones_initializer()):
                make(0.5, name="v")
        with t.name_scope("n"):
            make(0.0, name="v")
        t.slim.variable("w", [2])
        make(0.0, name="w")
        return [t.names(t.slim.get_local_variables()), t.names(t.slim.get_variables())]

    @case(f"{kind} and restoring")
    def untrained_and_restoring(t, x, kind=kind):
        getattr(t.slim, kind)(0.0, name="v")
        t.slim.model_variable("m", [2])
        return [t.names(t.slim.get_variables_to_restore()), t.names(t.slim.get_model_variables())]


# Finding them -------------------------------------------------------------------------------------


def net(t, x):
    for scope in ["a", "ab", "a/b"]:
        with t.variable_scope(scope):
            t.slim.fully_connected(x, 2, scope="fc")
            t.slim.model_variable("weights", [2])
            t.slim.variable("my_weights", [2], trainable=False)
    with t.variable_scope("a", reuse=t.AUTO_REUSE):
        t.slim.batch_norm(x, scope="bn")
    t.slim.model_variable("weights", [2])
    t.slim.model_variable("weights_too", [2])
    t.slim.local_variable(0.0, name="a/weights_here")


SCOPES = [
    None,
    "",
    "a",
    "a/",
    "a/b",
    "b",
    ".*b",
    "a|ab",
    "a/.*/weights",
    "weights",
    "weights$",
    "weights:0",
    "^a",
    "zzz",
    "A",
]
SUFFIXES = [None, "", "weights", "/weights", "s", "biases", "weights:0", "fc/.*", "beta|gamma", "z"]
for finder in [
    "get_variables",
    "get_model_variables",
    "get_trainable_variables",
    "get_local_variables",
]:

    @case(finder)
    def found(t, x, finder=finder):
        net(t, x)
        find = getattr(t.slim, finder)
        return {
            f"{scope} {suffix}": t.names(find(scope, suffix))
            for scope, suffix in itertools.product(SCOPES, SUFFIXES)
        }


@case("get_variables of a scope object and of a collection")
def found_by_scope_object(t, x):
    net(t, x)
    with t.variable_scope("a") as scope, t.variable_scope("b") as inner:
        return [
            t.names(t.slim.get_variables(scope)),
            t.names(t.slim.get_variables(inner, "weights")),
            t.names(t.slim.get_variables(t.get_variable_scope())),
            t.names(t.slim.get_variables("a", collection="model_variables")),
            t.names(t.slim.get_variables(collection="no such collection")),
        ]


@case("get_variables_by_name and by_suffix")
def found_by_name(t, x):
    net(t, x)
    rows = itertools.product(
        ["weights", "weight", "my_weights", "b", "fc/weights", "beta", ""], SCOPES
    )
    return {
        f"{name} {scope}": [
            t.names(t.slim.get_variables_by_name(name, scope)),
            t.names(t.slim.get_variables_by_suffix(name, scope)),
        ]
        for name, scope in rows
    }


for name in ["a/fc/weights", "weights", "a/fc/weights:0", "a/f", "fc", "a/weights_here", "a", ""]:

    @case(f"get_unique_variable({name!r})")
    def unique(t, x, name=name):
        net(t, x)
        return t.names([t.slim.get_unique_variable(name)])


FILTERS = [
    None,
    [],
    ["weights"],
    ["weights$"],
    ["weights:0$"],
    ["^a"],
    ["a/.*"],
    ["b", "weights"],
    ["fc", "fc"],
    ["biases|beta"],
    ("zzz",),
    "ab",
]


@case("filter_variables")
def filtered(t, x):
    net(t, x)
    everything = t.slim.get_variables()
    return {
        f"{include} {exclude} {search}": t.names(
            t.slim.filter_variables(everything, include, exclude, search)
        )
        for include, exclude, search in itertools.product(FILTERS, FILTERS, [True, False])
    }


RESTORED = [None, [], ["a"], ["a", "a/b"], ("weights",), ["zzz"], ["a/fc", "weights$"], [".*fc"]]


@case("get_variables_to_restore")
def restored(t, x):
    net(t, x)
    return {
        f"{include} {exclude}": t.names(t.slim.get_variables_to_restore(include, exclude))
        for include, exclude in itertools.product(RESTORED, RESTORED)
    }


for argument, value in itertools.product(["include", "exclude"], ["a", 3, {"a": 1}, {"a"}]):

    @case(f"get_variables_to_restore({argument}={value!r})")
    def restored_of_what_is_no_list(t, x, argument=argument, value=value):
        return t.names(t.slim.get_variables_to_restore(**{argument: value}))


@case("add_model_variable")
def add_model_variable(t, x):
    t.slim.variable("v", [2])
    found = t.slim.get_unique_variable("v")
    t.slim.add_model_variable(found)
    t.slim.add_model_variable(found)
    return [t.names(t.slim.get_model_variables()), t.slim.get_variable_full_name(found)]


# The global step ----------------------------------------------------------------------------------


@case("global step in a scope")
def global_step_in_a_scope(t, x):
    with t.variable_scope("a"):
        step = t.slim.create_global_step()
    return [step, t.slim.get_global_step(), t.names(t.slim.get_variables())]


@case("global step of the right name")
def global_step_of_the_name(t, x):
    t.get_variable("global_step", [], "int32", trainable=False)
    return [t.slim.get_global_step(), t.slim.get_or_create_global_step()]


@case("global step of the name, made again")
def global_step_of_the_name_again(t, x):
    t.get_variable("global_step", [], "int32", trainable=False)
    return [t.slim.create_global_step()]


for dtype, shape in [("float32", []), ("int32", [2])]:

    @case(f"global step of {dtype}{shape}")
    def wrong_global_step(t, x, dtype=dtype, shape=shape):
        t.get_variable("global_step", shape, dtype, trainable=False)
        return [t.slim.get_global_step()]


@case("global step given by collection")
def global_step_by_collection(t, x):
    t.slim.variable("s", [], "int32", trainable=False, collections=["global_step"])
    return [t.slim.get_global_step()]


@case("two global steps")
def two_global_steps(t, x):
    for name in "st":
        t.slim.variable(name, [], "int32", trainable=False, collections=["global_step"])
    return [t.slim.get_global_step()]


STEPS = {
    "int": Input((), "labels", "int32"),
    "int64": Input((), "labels", "int64"),
    "float": Input(()),
    "vector": Input((1,), "labels", "int32"),
}
for label, spec in STEPS.items():

    @case(f"assert_global_step of {label}", spec)
    def asserted(t, step):
        return [t.slim.assert_global_step(step), t.slim.assert_or_get_global_step(None, step)]


@case("assert_or_get_global_step of nothing")
def assert_or_get(t, x):
    before = t.slim.assert_or_get_global_step()
    t.slim.create_global_step()
    return [before, t.slim.assert_or_get_global_step()]


for value in [None, 3, "global_step"]:

    @case(f"assert_global_step({value!r})")
    def asserted_value(t, x, value=value):
        return t.slim.assert_global_step(value)
