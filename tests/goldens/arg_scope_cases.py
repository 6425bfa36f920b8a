"""arg_scope: precedence, nesting, captured scopes, decorators, and everything it refuses."""

from __future__ import annotations

from goldens.kit import Table

CASES = Table(gradients=False)
X = (2, 3)
IMAGES = (2, 4, 4, 2)


def echo(t):
    """A decorated function that shows which arguments reached it."""

    @t.slim.add_arg_scope
    def function(first, a=1, b=2, c=None):
        return [first, a, b, c]

    return function


# Precedence and nesting ---------------------------------------------------------------------------


@CASES.program(X)
def precedence(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10, b=20), t.slim.arg_scope([f], b=200):
        return [f(0), f(0, b=3), f(0, c=4), f(0, a=None)]


@CASES.program(X)
def outside_again(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10):
        with t.slim.arg_scope([f], a=20):
            inner = f(0)
        outer = f(0)
    return [inner, outer, f(0)]


@CASES.program(X)
def a_positional_argument_clashes(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10):
        return f(0, 5)


@CASES.program(X)
def a_positional_argument_that_is_not_scoped(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], b=10):
        return f(0, 5)


@CASES.program(X)
def required_arguments_from_a_scope(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], first=7):
        return f()


@CASES.program(X)
def several_functions(t, x):
    f, g = echo(t), echo(t)
    with t.slim.arg_scope([f, g], a=10), t.slim.arg_scope((g,), a=20):
        return [f(0), g(0)]


@CASES.program(X)
def values_are_replaced_not_merged(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], c={"p": 1, "q": 2}), t.slim.arg_scope([f], c={"p": 3}):
        return f(0)


@CASES.program(X)
def no_arguments(t, x):
    f = echo(t)
    with t.slim.arg_scope([f]):
        return f(0)


@CASES.program(X)
def an_exception_inside_restores(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10):
        try:
            with t.slim.arg_scope([f], a=20):
                raise RuntimeError
        except RuntimeError:
            pass
        return f(0)


# Captured scopes ----------------------------------------------------------------------------------


@CASES.program(X)
def captured_scope(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10) as scope:
        pass
    with t.slim.arg_scope(scope):
        return f(0)


@CASES.program(X)
def captured_scope_replaces(t, x):
    f, g = echo(t), echo(t)
    with t.slim.arg_scope([f], a=10) as scope:
        pass
    with t.slim.arg_scope([f], b=20), t.slim.arg_scope([g], a=5), t.slim.arg_scope(scope):
        return [f(0), g(0)]


@CASES.program(X)
def captured_scope_holds_what_it_inherited(t, x):
    f, g = echo(t), echo(t)
    with t.slim.arg_scope([f], a=10), t.slim.arg_scope([g], b=5) as scope:
        pass
    with t.slim.arg_scope(scope):
        return [f(0), g(0)]


@CASES.program(X)
def captured_scope_extended(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10, b=20) as scope:
        pass
    with t.slim.arg_scope(scope), t.slim.arg_scope([f], b=30) as longer:
        inside = f(0)
    with t.slim.arg_scope(scope):
        before = f(0)
    with t.slim.arg_scope(longer):
        return [inside, before, f(0)]


@CASES.program(X)
def captured_scope_as_published_nets_make_it(t, x):
    def net_arg_scope(weight_decay):
        with (
            t.slim.arg_scope(
                [t.slim.conv2d, t.slim.fully_connected],
                weights_regularizer=t.slim.l2_regularizer(weight_decay),
                activation_fn=t.nn.relu,
            ),
            t.slim.arg_scope([t.slim.conv2d], padding="SAME", kernel_size=1) as scope,
        ):
            return scope

    with t.slim.arg_scope(net_arg_scope(0.1)):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def empty_dict_clears(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10), t.slim.arg_scope({}):
        return f(0)


@CASES.program(X)
def empty_list_keeps(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10), t.slim.arg_scope([]) as scope:
        return [f(0), list(scope.values())]


@CASES.program(X)
def empty_list_with_arguments(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10), t.slim.arg_scope([], a=20):
        return f(0)


@CASES.program(X)
def the_scope_is_a_plain_dict(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10, b=20) as scope:
        key = t.slim.arg_scope_func_key(f)
        return [isinstance(scope, dict), list(scope[key]), scope[key]["a"], len(scope)]


@CASES.program(X)
def the_current_scope(t, x):
    f = echo(t)
    before = len(t.slim.current_arg_scope())
    with t.slim.arg_scope([f], a=10) as scope:
        return [before, t.slim.current_arg_scope() == scope, len(t.slim.current_arg_scope())]


@CASES.program(X)
def an_edited_scope(t, x):
    f = echo(t)
    with t.slim.arg_scope([f], a=10) as scope:
        edited = {key: {**value, "a": 11} for key, value in scope.items()}
    with t.slim.arg_scope(edited):
        return f(0)


# Keys ---------------------------------------------------------------------------------------------


@CASES.program(IMAGES)
def two_names_of_one_function(t, x):
    with t.slim.arg_scope([t.slim.convolution2d], stride=2):
        x = t.slim.conv2d(x, 2, 3)
    with t.slim.arg_scope([t.slim.conv2d], padding="VALID"):
        return t.slim.convolution2d(x, 2, 2)


@CASES.program(IMAGES)
def keys_of_two_names(t, x):
    key = t.slim.arg_scope_func_key
    return [
        key(t.slim.conv2d) == key(t.slim.convolution2d),
        key(t.slim.conv2d) == key(t.slim.separable_conv2d),
        key(t.slim.max_pool2d) == key(t.slim.avg_pool2d),
    ]


@CASES.program(IMAGES)
def the_general_convolution_is_another_key(t, x):
    with t.slim.arg_scope([t.slim.convolution], stride=2):
        return t.slim.conv2d(x, 2, 3)


@CASES.program(X)
def which_functions_have_it(t, x):
    slim = t.slim
    return {
        name: slim.has_arg_scope(getattr(slim, name))
        for name in [
            "conv2d",
            "convolution2d",
            "separable_conv2d",
            "fully_connected",
            "batch_norm",
            "dropout",
            "flatten",
            "max_pool2d",
            "avg_pool2d",
            "softmax",
            "bias_add",
            "repeat",
            "stack",
            "variable",
            "model_variable",
            "l2_regularizer",
            "linear",
        ]
    }


@CASES.program(X)
def has_it_when_decorated(t, x):
    return [t.slim.has_arg_scope(echo(t)), t.slim.has_arg_scope(len)]


@CASES.program(IMAGES)
def scoped_arguments_of_conv2d(t, x):
    return sorted(t.slim.arg_scoped_arguments(t.slim.conv2d))


@CASES.program(X)
def scoped_arguments_of_a_function_without_locals(t, x):
    @t.slim.add_arg_scope
    def function(a, b=1, c=2):
        return [a, b, c]

    return list(t.slim.arg_scoped_arguments(function))


# Decorators ---------------------------------------------------------------------------------------


@CASES.program(X)
def as_a_decorator(t, x):
    f = echo(t)

    @t.slim.arg_scope([f], a=10)
    def twice():
        return [f(0), f(0, a=1)]

    return [twice(), twice(), f(0)]


@CASES.program(X)
def entered_twice(t, x):
    f = echo(t)
    scope = t.slim.arg_scope([f], a=10)
    with scope:
        f(0)
    with scope:
        return f(0)


@CASES.program(X)
def decorated_function_keeps_its_name(t, x):
    return echo(t).__name__


@CASES.program(X)
def decorated_method(t, x):
    class Thing:
        @t.slim.add_arg_scope
        def method(self, a=1):
            return a

    with t.slim.arg_scope([Thing.method], a=7):
        return [Thing().method(), Thing().method(a=2)]


@CASES.program(X, skip="ours takes callable objects too")
def decorated_callable_object(t, x):
    class Thing:
        def __call__(self, a=1):
            return a

    return t.slim.add_arg_scope(Thing())(2)


@CASES.program(X)
def decorated_function_with_many_arguments(t, x):
    @t.slim.add_arg_scope
    def function(*args, **kwargs):
        return [list(args), kwargs]

    with t.slim.arg_scope([function], a=1, b=2):
        return function(5, b=3)


@CASES.program(X)
def decorated_function_with_keyword_only_arguments(t, x):
    @t.slim.add_arg_scope
    def function(first, *, a=1):
        return [first, a]

    with t.slim.arg_scope([function], a=7):
        return [function(0), function(0, a=2)]


@CASES.program(X)
def decorated_twice(t, x):
    f = t.slim.add_arg_scope(echo(t))
    with t.slim.arg_scope([f], a=10):
        return f(0)


@CASES.program(X)
def decorated_functions_call_each_other(t, x):
    f = echo(t)

    @t.slim.add_arg_scope
    def outer(first, a=1):
        return [a, f(first)]

    with t.slim.arg_scope([outer, f], a=10):
        return outer(0, a=3)


# What it refuses ----------------------------------------------------------------------------------


@CASES.program(X)
def an_undecorated_function(t, x):
    with t.slim.arg_scope([ends_with_nothing], a=1):
        return x


def ends_with_nothing(a=1):
    return a


@CASES.program(X)
def a_function_without_list(t, x):
    with t.slim.arg_scope(echo(t), a=1):
        return x


@CASES.program(X)
def a_set_of_functions(t, x):
    with t.slim.arg_scope({echo(t)}, a=1):
        return x


@CASES.program(X)
def a_dict_with_arguments(t, x):
    with t.slim.arg_scope({}, a=1):
        return x


@CASES.program(X)
def a_partial(t, x):
    with t.slim.arg_scope([t.slim.linear], trainable=False):
        return x


@CASES.program(X)
def a_number_in_the_list(t, x):
    with t.slim.arg_scope([3], a=1):
        return x


@CASES.program(X)
def a_string_in_the_list(t, x):
    with t.slim.arg_scope(["conv2d"], a=1):
        return x


@CASES.program(X)
def none_in_place_of_the_list(t, x):
    with t.slim.arg_scope(None):
        return x


def undecorated(name):
    def program(t, x):
        with t.slim.arg_scope([getattr(t.slim, name)], scope="z"):
            return x

    program.__name__ = f"{name}_is_not_decorated"
    program.__module__ = __name__
    return program


for op in ["repeat", "stack", "l2_regularizer", "xavier_initializer"]:
    CASES.program(X)(undecorated(op))


@CASES.program(X)
def an_unknown_argument_nobody_calls(t, x):
    with t.slim.arg_scope([t.slim.conv2d], colour="red"):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def an_unknown_argument_of_a_called_function(t, x):
    with t.slim.arg_scope([t.slim.fully_connected], colour="red"):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def an_unknown_argument_for_one_of_two(t, x):
    with t.slim.arg_scope([t.slim.fully_connected, t.slim.dropout], activation_fn=None):
        x = t.slim.fully_connected(x, 2)
        return t.slim.dropout(x, is_training=False)
