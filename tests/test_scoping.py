"""`arg_scope`: which default a call ends with, whom it reaches, and what is known of it."""

import asyncio
import contextlib
import inspect
import re
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import nn
import slim
from nn.calls import listening

KEY = jax.random.key(0)
IMAGES = jnp.ones((1, 8, 8, 3))
PAIRS = jnp.array([[1.0, 2.0], [2.0, 3.0]])


@slim.add_arg_scope
def brew(leaf, water=200, sugar=0, milk=None):
    """Make tea."""
    return leaf, water, sugar, milk


@slim.add_arg_scope
def bake(*args, **kwargs):
    return args, kwargs


@slim.add_arg_scope
def serve(leaf, *, cups=2, **extra):
    tray = cups, extra  # a local variable
    return leaf, *tray


def peel(fruit, knife=None):
    return fruit, knife


BREW, BAKE = map(slim.arg_scope_func_key, (brew, bake))


def here() -> int:
    """The caller's line."""
    return sys._getframe(1).f_lineno


def run(model, *args):
    """What a model without variables returns."""
    return nn.transform(model).apply({}, {}, *args)[0]


# What a call ends with ----------------------------------------------------------------------------


def test_a_scope_fills_in_what_the_call_leaves_out():
    with slim.arg_scope([brew], sugar=1, milk="oat"):
        assert brew("assam") == ("assam", 200, 1, "oat")
    assert brew("assam") == ("assam", 200, 0, None)


def test_keyword_beats_inner_scope_beats_outer_scope_beats_default():
    with slim.arg_scope([brew], water=100, sugar=1), slim.arg_scope([brew], sugar=2):
        assert brew("assam") == ("assam", 100, 2, None)
        assert brew("assam", sugar=3) == ("assam", 100, 3, None)
        assert brew("assam", sugar=None) == ("assam", 100, None, None)


def test_none_in_a_scope_is_a_value():
    with slim.arg_scope([brew], milk="oat"), slim.arg_scope([brew], milk=None):
        assert brew("assam") == ("assam", 200, 0, None)


@pytest.mark.parametrize("ops", [[brew, bake], (brew, bake)], ids=["list", "tuple"])
def test_a_scope_serves_several_ops(ops):
    with slim.arg_scope(ops, sugar=1):
        assert brew("assam")[2] == 1
        assert bake("rye") == (("rye",), {"sugar": 1})


def test_scopes_of_several_ops_add_up_for_each():
    with (
        slim.arg_scope([brew, bake], sugar=1),
        slim.arg_scope([brew], milk="oat"),
        slim.arg_scope([bake], hours=2),
    ):
        assert brew("assam") == ("assam", 200, 1, "oat")
        assert bake() == ((), {"sugar": 1, "hours": 2})


def test_values_are_replaced_not_merged():
    with slim.arg_scope([bake], how={"hours": 2, "grade": 180}):
        with slim.arg_scope([bake], how={"hours": 3}):
            assert bake()[1] == {"how": {"hours": 3}}
        assert bake()[1] == {"how": {"hours": 2, "grade": 180}}


def test_a_position_that_a_scope_also_sets_is_refused_and_not_overridden():
    with slim.arg_scope([brew], water=100):
        assert brew("assam", sugar=1) == ("assam", 100, 1, None)
        with pytest.raises(TypeError, match="multiple values for argument 'water'"):
            brew("assam", 300)


def test_required_arguments_may_come_from_a_scope():
    with slim.arg_scope([brew], leaf="assam"):
        assert brew()[0] == "assam"

    def model(images):
        with slim.arg_scope([slim.conv2d], num_outputs=4, kernel_size=3):
            return slim.conv2d(images)

    assert nn.transform(model).variables(IMAGES)[0].shape == (3, 3, 3, 4)


def test_an_unknown_argument_is_refused_only_when_its_op_is_called():
    with slim.arg_scope([brew, bake], lemon=True):
        assert bake() == ((), {"lemon": True})
        with pytest.raises(TypeError, match="lemon"):
            brew("assam")
        with pytest.raises(TypeError, match="lemon"):
            brew("assam", lemon=False)


# The scope as an object ---------------------------------------------------------------------------


def test_the_scope_is_a_dict_of_plain_values():
    milk = ["oat"]
    with slim.arg_scope([brew], milk=milk) as outer:
        with slim.arg_scope([bake], hours=2) as inner:
            assert inner == {BREW: {"milk": milk}, BAKE: {"hours": 2}}
            assert inner is slim.current_arg_scope()
        assert outer == {BREW: {"milk": milk}}
        assert outer[BREW]["milk"] is milk
    assert slim.current_arg_scope() == {}


def test_an_empty_list_keeps_and_an_empty_dict_clears():
    assert slim.current_arg_scope() == {}
    with slim.arg_scope([]) as scope:
        assert scope == {}
    with slim.arg_scope([brew], sugar=1) as outer:
        with slim.arg_scope([], sugar=2) as kept:
            assert kept == outer
        with slim.arg_scope({}) as cleared:
            assert cleared == {}
            assert brew("assam")[2] == 0
        assert brew("assam")[2] == 1


def test_a_captured_scope_stands_instead_of_the_surrounding_ones():
    with slim.arg_scope([brew], sugar=1) as captured:
        pass
    with slim.arg_scope([brew, bake], sugar=5, milk="oat"):
        with slim.arg_scope(captured) as scope:
            assert scope == {BREW: {"sugar": 1}}
            assert brew("assam") == ("assam", 200, 1, None)
            assert bake() == ((), {})
        assert brew("assam") == ("assam", 200, 5, "oat")


def test_what_was_inherited_when_it_was_captured_is_in_it():
    with (
        slim.arg_scope([brew], milk="oat"),
        slim.arg_scope([bake], hours=2),
        slim.arg_scope([brew], sugar=1) as captured,
    ):
        pass
    with slim.arg_scope(captured), slim.arg_scope([brew], water=50):
        assert brew("assam") == ("assam", 50, 1, "oat")
        assert bake() == ((), {"hours": 2})


def test_a_scope_function_returns_a_scope_as_published_models_write_it():
    def tea_arg_scope(sugar=1):
        with slim.arg_scope([brew], sugar=sugar), slim.arg_scope([bake], hours=2) as scope:
            return scope

    with slim.arg_scope(tea_arg_scope(sugar=3)):
        assert brew("assam")[2] == 3
        assert bake() == ((), {"hours": 2})


def test_a_dict_made_by_hand_or_copied_is_a_scope_too():
    with slim.arg_scope({BREW: {"sugar": 4}}):
        assert brew("assam")[2] == 4
    with slim.arg_scope([brew], sugar=1) as scope:
        copied = {**scope, BREW: {**scope[BREW], "milk": "oat"}}
    with slim.arg_scope(copied):
        assert brew("assam") == ("assam", 200, 1, "oat")


def test_the_dict_is_live():
    with slim.arg_scope([brew], sugar=1) as scope:
        scope[BREW]["milk"] = "oat"
        assert brew("assam") == ("assam", 200, 1, "oat")


@pytest.mark.parametrize(("name", "arguments"), [("lemon", ["assam"]), ("water", ["assam", 300])])
def test_what_is_written_into_the_dict_is_refused_like_what_a_scope_sets(name, arguments):
    with slim.arg_scope([brew], sugar=1) as scope:
        scope[BREW][name] = 5
        with pytest.raises(TypeError, match=f"'{name}'.*changed by hand"):
            brew(*arguments)


def test_an_error_tells_what_is_written_into_the_dict_from_what_a_scope_sets():
    def model(images):
        with slim.arg_scope([slim.max_pool2d], stride=1) as scope:
            scope[slim.arg_scope_func_key(slim.max_pool2d)]["padding"] = "FULL"
            return slim.max_pool2d(images, 2)

    with pytest.raises(ValueError, match="'FULL'") as refused:
        run(model, IMAGES)
    (note,) = refused.value.__notes__
    assert f"stride=1 from the arg_scope at {__file__}:" in note
    assert re.search(r"padding='FULL'[^;]*changed by hand", note)


def test_an_inner_scope_does_not_write_into_the_outer_or_captured_one():
    with slim.arg_scope([brew], sugar=1) as outer:
        with slim.arg_scope([brew], sugar=2), slim.arg_scope([bake], hours=2):
            pass
        assert outer == {BREW: {"sugar": 1}}
    with slim.arg_scope(outer), slim.arg_scope([brew], milk="oat"):
        pass
    assert outer == {BREW: {"sugar": 1}}


def test_a_context_is_entered_once():
    context = slim.arg_scope([brew], sugar=1)
    with context:
        pass
    with pytest.raises(AttributeError), context:
        pass
    assert slim.current_arg_scope() == {}


def test_a_decorator_enters_again_at_each_call():
    @slim.arg_scope([brew], sugar=1)
    def breakfast():
        return brew("assam")

    assert breakfast() == breakfast() == ("assam", 200, 1, None)
    with slim.arg_scope([brew], sugar=2, milk="oat"):
        assert breakfast() == ("assam", 200, 1, "oat")
    assert slim.current_arg_scope() == {}


# Ops ----------------------------------------------------------------------------------------------


def test_two_names_of_one_op_share_their_scope():
    assert slim.conv2d is slim.convolution2d
    assert slim.arg_scope_func_key(slim.conv2d) == slim.arg_scope_func_key(slim.convolution2d)
    assert slim.arg_scope_func_key(slim.conv2d) != slim.arg_scope_func_key(slim.conv1d)

    with slim.arg_scope([slim.convolution2d], stride=2) as scope:
        assert list(scope) == [slim.arg_scope_func_key(slim.conv2d)]


def test_convolution_is_another_op_which_conv2d_calls_by_position():
    def model(images):
        with slim.arg_scope([slim.convolution], stride=2):
            return slim.conv2d(images, 4, 3)

    with pytest.raises(TypeError, match=r"convolution .* multiple values for argument 'stride'"):
        nn.transform(model).variables(IMAGES)


def test_decorated_ops_keep_their_name_and_documentation():
    assert (brew.__name__, brew.__doc__) == ("brew", "Make tea.")
    assert list(inspect.signature(brew).parameters) == ["leaf", "water", "sugar", "milk"]


def test_has_arg_scope():
    assert slim.has_arg_scope(brew)
    assert not slim.has_arg_scope(peel)
    assert not slim.has_arg_scope(slim.repeat)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (brew, ("water", "sugar", "milk")),
        (bake, ()),
        (serve, ("cups",)),
        # These have local variables, which TF-Slim counts as arguments.
        (slim.max_pool2d, ("stride", "padding", "data_format", "outputs_collections", "scope")),
        (slim.dropout, tuple(inspect.signature(slim.dropout).parameters)[1:]),
        (slim.fully_connected, tuple(inspect.signature(slim.fully_connected).parameters)[2:]),
        (slim.batch_norm, tuple(inspect.signature(slim.batch_norm).parameters)[1:]),
        (slim.conv2d, tuple(inspect.signature(slim.conv2d).parameters)[3:]),
    ],
)
def test_arg_scoped_arguments_are_those_with_defaults(op, expected):
    assert slim.arg_scoped_arguments(op) == expected


def test_a_function_defined_again_has_the_arguments_of_the_last_definition():
    for names in ["a=1", "a=1, b=2", "c=3"]:
        scope = {"slim": slim}
        exec(f"@slim.add_arg_scope\ndef mix({names}): pass", scope)
        assert slim.arg_scoped_arguments(scope["mix"]) == tuple(
            part.split("=")[0] for part in names.split(", ")
        )


def test_partials_obey_the_scope_of_what_they_wrap_except_for_what_they_fix():
    def model(features):
        with slim.arg_scope([slim.fully_connected], activation_fn=jnp.tanh, num_outputs=2):
            return slim.linear(features, biases_initializer=nn.constant_initializer(5.0))

    features = jnp.zeros((1, 3))
    net = nn.transform(model)
    outputs, _ = net.apply(*net.init(jax.random.key(0), features), features)
    assert outputs.tolist() == [[5.0, 5.0]]  # two of them, and no tanh


def test_methods_can_be_decorated():
    class Kitchen:
        @slim.add_arg_scope
        def cook(self, hours=1):
            return hours

    with slim.arg_scope([Kitchen.cook], hours=7):
        assert Kitchen().cook() == 7


def test_scopes_reach_the_ops_inside_ops():
    def model(images):
        with (
            slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm),
            slim.arg_scope([slim.batch_norm], scale=True, center=False),
        ):
            images = slim.conv2d(images, 4, 3)
            slim.conv2d(images, 4, 3, normalizer_params={"center": True, "scale": False})

    assert [v.name for v in nn.transform(model).variables(IMAGES) if v.trainable] == [
        "Conv/weights",
        "Conv/BatchNorm/gamma",
        "Conv_1/weights",
        "Conv_1/BatchNorm/beta",  # normalizer_params beat the scope
    ]


def test_scopes_reach_the_variables_inside_ops_except_for_what_the_ops_pass_themselves():
    def model(features, **defaults):
        with slim.arg_scope([slim.model_variable], **defaults):
            slim.linear(features, 2)
        return nn.get_collection("mine")

    net = nn.transform(model)
    features = jnp.ones((1, 3))
    kept = net.variables(features, trainable=False, collections=["mine"], device="/cpu:0")
    assert [v.trainable for v in kept] == [True, True]
    with pytest.raises(TypeError, match=r"model_variable .* has no argument 'device_'"):
        net.variables(features, device_="/cpu:0")


# Failures, threads, tasks -------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [[peel], 3, "brew", brew, {BREW: {}}])
def test_a_scope_that_cannot_be_opened_leaves_the_surrounding_one(wrong):
    with slim.arg_scope([bake], hours=2), slim.arg_scope([brew], sugar=1) as scope:
        with pytest.raises((TypeError, ValueError)), slim.arg_scope(wrong, sugar=2):
            raise AssertionError("entered")
        assert slim.current_arg_scope() is scope


def test_an_exception_in_the_block_closes_the_scope():
    with slim.arg_scope([brew], sugar=1) as scope:
        with contextlib.suppress(ZeroDivisionError), slim.arg_scope([brew], sugar=2):
            raise ZeroDivisionError
        assert slim.current_arg_scope() is scope
        with pytest.raises(TypeError), slim.arg_scope([brew], lemon=1):
            brew("assam")
        assert slim.current_arg_scope() is scope


def test_threads_do_not_see_each_others_scopes():
    opened, seen = threading.Barrier(2), {}

    def work(sugar):
        seen[sugar] = [brew("assam")[2]]
        with slim.arg_scope([brew], sugar=sugar):
            opened.wait(timeout=60)
            seen[sugar].append(brew("assam")[2])
            opened.wait(timeout=60)

    with slim.arg_scope([brew], sugar=9):
        threads = [threading.Thread(target=work, args=(sugar,)) for sugar in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert brew("assam")[2] == 9
    assert seen == {1: [0, 1], 2: [0, 2]}


def test_tasks_do_not_see_each_others_scopes():
    async def work(sugar):
        with slim.arg_scope([brew], sugar=sugar):
            await asyncio.sleep(0)
            return brew("assam")[2]

    async def main():
        with slim.arg_scope([brew], milk="oat"):
            return await asyncio.gather(work(1), work(2)), brew("assam")

    assert asyncio.run(main()) == ([1, 2], ("assam", 200, 0, "oat"))


# With JAX -----------------------------------------------------------------------------------------


def pooled(images):
    return slim.max_pool2d(images, 2)


def test_a_scope_around_a_run_is_refused_naming_both_lines():
    opened = here() + 2
    with (
        slim.arg_scope([slim.max_pool2d], stride=1),
        pytest.raises(ValueError, match="opened outside") as refused,
    ):
        run(pooled, IMAGES)
    called = inspect.getsourcelines(pooled)[1] + 1
    for line in (opened, called):
        assert f"{__file__}:{line}" in str(refused.value)


def test_a_scope_of_other_ops_around_a_run_is_none_of_its_business():
    with slim.arg_scope([slim.avg_pool2d, brew], stride=1):
        assert run(pooled, IMAGES).shape == (1, 4, 4, 3)


def test_a_scope_captured_outside_may_be_entered_inside():
    with slim.arg_scope([slim.max_pool2d], stride=1) as captured:
        pass

    def model(images):
        with slim.arg_scope(captured):
            return slim.max_pool2d(images, 2)

    net = nn.transform(model)
    assert run(model, IMAGES).shape == jax.jit(net.apply)({}, {}, IMAGES)[0].shape == (1, 7, 7, 3)
    with slim.arg_scope([slim.max_pool2d], stride=4):  # is not seen inside
        assert run(model, IMAGES).shape == (1, 7, 7, 3)
    with slim.arg_scope({}):
        assert run(pooled, IMAGES).shape == (1, 4, 4, 3)


def test_a_scope_captured_in_one_run_serves_another():
    def capture():
        with slim.arg_scope([slim.max_pool2d], stride=1) as scope:
            return scope

    def model(images):
        with slim.arg_scope(captured):
            return slim.max_pool2d(images, 2)

    captured = run(capture)
    assert run(model, IMAGES).shape == (1, 7, 7, 3)


def test_a_scope_of_one_run_does_not_reach_into_a_run_inside_it():
    inner = nn.transform(pooled)

    def model(images):
        with slim.arg_scope([slim.max_pool2d], stride=1):
            return inner.apply({}, {}, images)[0]

    with pytest.raises(ValueError, match="opened outside"):
        run(model, IMAGES)


def test_a_compiled_model_is_traced_once_and_no_later_scope_changes_it():
    traces = []

    def model(images):
        traces.append(1)
        with slim.arg_scope([slim.max_pool2d], stride=1):
            return slim.max_pool2d(images, 2)

    apply = jax.jit(nn.transform(model).apply)
    for _ in range(2):
        assert apply({}, {}, IMAGES)[0].shape == (1, 7, 7, 3)
    assert len(traces) == 1


@pytest.mark.parametrize(
    "inside",
    [
        jax.jit,
        lambda f: jax.grad(lambda images: f(images).sum()),
        lambda f: lambda images: jax.vmap(f)(images[None]),
        lambda f: lambda images: jax.lax.map(f, images[None]),
    ],
    ids=["jit", "grad", "vmap", "map"],
)
def test_a_scope_around_a_jit_inside_the_model_is_refused(inside):
    def model(images):
        with slim.arg_scope([slim.max_pool2d], stride=1):
            return inside(pooled)(images)

    with pytest.raises(ValueError, match="or of a jit, grad or scan inside it"):
        run(model, IMAGES)


def test_a_scope_inside_a_jit_inside_the_model_is_obeyed():
    @jax.jit
    def finely(images):
        with slim.arg_scope([slim.max_pool2d], stride=1):
            return slim.max_pool2d(images, 2)

    def model(images):
        with slim.arg_scope([slim.avg_pool2d], stride=4):  # of another op
            return finely(images)

    assert run(model, IMAGES).shape == (1, 7, 7, 3)


def test_nothing_is_computed_for_a_scope():
    def scoped(images):
        with slim.arg_scope([slim.max_pool2d], stride=1, padding="SAME"):
            return slim.max_pool2d(images, 2)

    def written_out(images):
        return slim.max_pool2d(images, 2, stride=1, padding="SAME")

    programs = [jax.make_jaxpr(lambda x, f=f: run(f, x))(IMAGES) for f in (scoped, written_out)]
    assert str(programs[0]) == str(programs[1])


# Provenance ---------------------------------------------------------------------------------------


def test_a_scope_knows_which_line_set_what():
    line = here()
    with slim.arg_scope([brew, bake], sugar=1):  # one line after
        context = slim.arg_scope(  # two lines after
            [brew],
            milk="oat",
            sugar=2,
        )
        with context as scope:
            pass
    outer, inner = scope.settings
    assert (outer.ops, outer.defaults) == ({BREW, BAKE}, {"sugar": 1})
    assert (inner.ops, inner.defaults) == ({BREW}, {"milk": "oat", "sugar": 2})
    assert (outer.site.file, outer.site.line) == (__file__, line + 1)
    assert (inner.site.file, inner.site.line) == (__file__, line + 2)
    assert inner.site.function == "test_a_scope_knows_which_line_set_what"
    assert str(inner.site) == f"{__file__}:{line + 2}"
    with slim.arg_scope([], sugar=3) as kept, slim.arg_scope({}) as cleared:
        assert (kept.settings, cleared.settings) == ((), ())


def test_a_captured_scope_keeps_its_lines():
    line = here() + 1
    with slim.arg_scope([brew], sugar=1) as captured:
        pass
    with slim.arg_scope([brew], milk="oat"), slim.arg_scope(captured) as again:
        assert [(s.site.line, s.defaults) for s in again.settings] == [(line, {"sugar": 1})]
    made = here() + 1
    with slim.arg_scope({BREW: {"sugar": 4}}) as scope:
        assert [(s.site.line, s.defaults) for s in scope.settings] == [(made, {"sugar": 4})]


def heard(model, *args):
    """The calls that a listener is told of while the variables of a model are listed."""
    calls = []
    with listening(calls.append):
        variables = nn.transform(model).variables(*args)
    return calls, variables


def test_a_listener_is_told_of_a_slim_call():
    def model(images):
        with slim.arg_scope([slim.conv2d], stride=2, padding="SAME"):
            return slim.conv2d(images, 4, [3, 3], activation_fn=None, scope="block/conv")

    (call,), variables = heard(model, IMAGES)
    first = inspect.getsourcelines(model)[1]
    assert call.op == "conv2d"
    assert call.site.line == first + 2
    assert (call.site.file, call.site.function) == (__file__, "model")
    assert list(call.arguments) == list(inspect.signature(slim.conv2d).parameters)[1:]
    assert call.arguments["num_outputs"] == 4
    assert call.arguments["stride"] == 2
    assert call.arguments["padding"] == "SAME"
    assert call.arguments["rate"] == 1
    # The scope's padding is the default one.
    assert call.chosen == {"num_outputs", "kernel_size", "stride", "activation_fn", "scope"}
    assert [s.site.line for s in call.details] == [first + 1]
    assert call.scope == "block/conv"
    assert call.depth == 0
    assert call.inputs.shape == IMAGES.shape
    assert call.outputs.shape == (1, 4, 4, 4)
    assert tuple(call.variables) == tuple(call.used) == variables
    assert {v.site for v in variables} == {call.site}


def test_a_listener_is_told_of_a_layers_call():
    def model(images):
        with nn.variable_scope("tower"):
            layer = layers.Conv2D(4, 3, strides=(1, 1), use_bias=False)
            return layer(images)

    (call,), variables = heard(model, IMAGES)
    assert call.op == "Conv2D"
    assert call.site.line == inspect.getsourcelines(model)[1] + 3
    assert list(call.arguments) == list(inspect.signature(layers.Conv2D).parameters)[:-2]
    assert (call.arguments["filters"], call.arguments["padding"]) == (4, "valid")
    assert call.chosen == {"filters", "kernel_size", "use_bias"}
    assert (call.scope, call.depth, call.details) == ("tower/conv2d", 0, None)
    assert call.outputs.shape == (1, 6, 6, 4)
    assert [v.name for v in call.variables] == ["tower/conv2d/kernel"]
    assert tuple(call.variables) == variables


def test_a_listener_is_told_what_call_was_given():
    def model(images):
        return layers.dropout(images, 0.3, training=True)

    (call,), _ = heard(model, IMAGES)
    assert call.arguments == {
        **{"rate": 0.3, "noise_shape": None, "seed": None, "name": None, "dtype": None},
        "training": True,
    }
    assert call.chosen == {"rate", "training"}


def test_calls_come_in_the_order_in_which_they_began_with_their_depth():
    def model(images):
        with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
            images = slim.repeat(images, 2, slim.conv2d, 4, 3, scope="conv")
        images = layers.MaxPooling2D(2, 2)(images)
        return slim.linear(slim.flatten(images), 2)

    calls, _ = heard(model, IMAGES)
    assert [(call.op, call.scope, call.depth) for call in calls] == [
        ("conv2d", "conv/conv_1", 0),
        ("batch_norm", "conv/conv_1/BatchNorm", 1),
        ("conv2d", "conv/conv_2", 0),
        ("batch_norm", "conv/conv_2/BatchNorm", 1),
        ("MaxPooling2D", "max_pooling2d", 0),
        ("flatten", "Flatten", 0),
        ("fully_connected", "fully_connected", 0),
    ]
    first, inner = calls[:2]
    assert [v.name for v in first.variables] == ["conv/conv_1/weights"]
    assert [v.name.rpartition("/")[2] for v in inner.variables] == [
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    assert first.outputs.shape == inner.outputs.shape == (1, 8, 8, 4)


def test_a_shared_variable_is_made_once_and_used_again():
    def model(features):
        slim.linear(features, 3, scope="fc")
        return slim.linear(features, 3, scope="fc", reuse=True)

    calls, variables = heard(model, jnp.ones((2, 3)))
    assert [len(call.variables) for call in calls] == [2, 0]
    assert [tuple(call.used) for call in calls] == [variables, variables]


def test_nothing_is_recorded_when_nobody_listens(monkeypatch):
    def recorded(*_):
        raise AssertionError("recorded")

    monkeypatch.setattr("slim.scoping.recorded", recorded)
    monkeypatch.setattr("layers.base.recorded", recorded)

    def model(images):
        return layers.Flatten()(slim.max_pool2d(images, 2))

    assert run(model, IMAGES).shape == (1, 48)
    with listening(lambda call: None), pytest.raises(AssertionError, match="recorded"):
        run(model, IMAGES)


def test_a_listener_changes_no_result_and_no_program():
    def model(images):
        with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
            return slim.conv2d(images, 4, 3)

    net = nn.transform(model)
    params, state = net.init(jax.random.key(0), IMAGES)
    quiet = str(jax.make_jaxpr(net.apply)(params, state, IMAGES))
    with listening(lambda call: None):
        assert str(jax.make_jaxpr(net.apply)(params, state, IMAGES)) == quiet


def test_listeners_are_those_of_their_thread():
    calls = []
    with listening(calls.append):
        thread = threading.Thread(target=run, args=(pooled, IMAGES))
        thread.start()
        thread.join()
        assert calls == []
        run(pooled, IMAGES)
    run(pooled, IMAGES)
    assert [call.op for call in calls] == ["max_pool2d"]


# Initial values that a model computes -------------------------------------------------------------


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(
    ("initial", "expected"),
    [(lambda x: x.mean(0), [1.5, 2.5]), (lambda x: jnp.zeros(2), [0.0, 0.0])],
    ids=["of the inputs", "of nothing"],
)
def test_init_computes_the_initial_values_that_the_model_computes(initial, expected, compiled):
    def model(x):
        first = nn.get_variable("first", [2], initializer=nn.ones_initializer())
        second = nn.get_variable("second", initializer=initial(x))
        third = nn.get_variable("third", initializer=first + second)
        return third, nn.get_variable("drawn", [5, 5])

    init = nn.transform(model).init
    params, state = (jax.jit(init) if compiled else init)(KEY, PAIRS)
    assert (set(params), state) == ({"first", "second", "third", "drawn"}, {})
    assert params["second"].tolist() == expected
    assert params["third"].tolist() == [1 + value for value in expected]
    # As if the model computed nothing: the fourth variable draws from the fourth key.
    drawn = nn.glorot_uniform_initializer()(jax.random.fold_in(KEY, 3), [5, 5], jnp.float32)
    np.testing.assert_allclose(params["drawn"], drawn, rtol=1e-6)  # jit may fuse


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_init_computes_what_an_initializer_computes_of_the_inputs(compiled):
    net = nn.transform(lambda x: nn.get_variable("w", [2], initializer=lambda *_: x.mean(0)))
    params, _ = (jax.jit(net.init) if compiled else net.init)(KEY, PAIRS)
    assert params["w"].tolist() == [1.5, 2.5]


def test_init_computes_what_an_initializer_found_computed():
    def model(x):
        mean = x.mean(0)
        return nn.get_variable("w", [2], initializer=lambda *_: mean)

    assert nn.transform(model).init(KEY, PAIRS)[0]["w"].tolist() == [1.5, 2.5]
