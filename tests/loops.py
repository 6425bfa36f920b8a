"""What ours does in a loop of steps: `t.loops` of the golden programs, as `goldens/tf_loops.py`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from goldens.kit import draw
from goldens.learning_cases import model

import nn
import slim


def trajectory(optimizer, steps=20, scale=1.0, decay=None, **kwargs):
    """The variables after each step of descent into a tilting bowl, and the slots at the end."""
    key = f"{optimizer} {steps} {scale} {kwargs}"
    if decay is not None:
        function, given = decay
        kwargs["learning_rate"] = lambda step: getattr(nn, function)(global_step=step, **given)
    made = getattr(nn, f"{optimizer}Optimizer")(**kwargs)
    params = {"w": jnp.asarray(draw(f"{key}|w", [2, 3]))}

    def step(carried, tilt):
        params, opt_state = carried
        gradients = {"w": scale * (params["w"] / 3 + tilt)}
        updates, opt_state = made.update(gradients, opt_state, params)
        params = optax.apply_updates(params, updates)
        return (params, opt_state), params["w"]

    tilts = jnp.stack([draw(f"{key}|{i}", [2, 3]) for i in range(steps)])
    (_, opt_state), places = jax.lax.scan(step, (params, made.init(params)), tilts)
    return [places, dict(sorted(nn.slot_variables(opt_state).items()))]


def averages(steps=6, counted=False, **kwargs):
    """The moving averages of a variable and of a tensor after each of some steps."""
    ema = nn.ExponentialMovingAverage(**kwargs)
    averages = ema.init({"fc/v": draw("average|v", [3])}, {"t": np.zeros(2, np.float32)})
    found = []
    for i in range(steps):
        values = {"fc/v": draw(f"average|v{i}", [3]), "t": draw(f"average|t{i}", [2])}
        averages = ema.apply(values, averages, num_updates=i if counted else None)
        found.append(dict(sorted(averages.items())))
    return [found, [ema.average_name("fc/v"), *ema.variables_to_restore(["fc/v"])]]


def training(kind, optimizer="Momentum", rate=0.1, **given):
    """The losses of three steps of a small model with batch norm, its variables, its summaries."""
    if "norm" in given:
        given["transform_grads_fn"] = slim.training.clip_gradient_norms_fn(given.pop("norm"))
    if isinstance(given.get("clip_gradients"), dict):
        adaptive = dict(given["clip_gradients"])
        if adaptive.pop("counted", False):
            adaptive["global_step"] = "global_step"
        given["clip_gradients"] = slim.adaptive_clipping_fn(**adaptive)
    if "decay" in given:
        name, rest = given.pop("decay")
        given["learning_rate_decay_fn"] = lambda rate, step: getattr(nn, name)(rate, step, **rest)
    loss = functools.partial(model, slim)
    if kind == "optimize_loss":
        train_op = slim.optimize_loss(loss, None, rate, optimizer, **given)
    else:
        make = getattr(nn, f"{optimizer}Optimizer")
        made = make(rate, 0.9) if optimizer == "Momentum" else make(rate)
        module, _, function = kind.partition(".")
        train_op = getattr(getattr(slim, module), function)(loss, made, **given)

    batches = [
        (jnp.asarray(draw(f"training|x{i}", [5, 3])), jnp.asarray(draw(f"training|y{i}", [5, 2])))
        for i in range(3)
    ]
    train_state = train_op.init(jax.random.key(0), *batches[0])

    def drawn(name, value):
        if not name.startswith(("hidden/", "out/")):
            return value
        kind = "positive" if name.endswith("variance") else "normal"
        return jnp.asarray(draw(f"training|{name}", value.shape, kind))

    params, state = (
        {name: drawn(name, value) for name, value in values.items()}
        for values in (train_state.params, train_state.state)
    )
    train_state = train_state._replace(params=params, state=state)
    tags = jax.eval_shape(train_op.summaries, train_state, *batches[0])
    losses = []
    for batch in batches:
        train_state, loss = train_op.step(train_state, *batch)
        losses.append(loss)
    kept = dict(sorted({**train_state.params, **train_state.state}.items()))
    # TensorFlow's counter is there in any case, as it is made before the train op.
    kept.setdefault("global_step", jnp.zeros([], jnp.int32))
    return [jnp.stack(losses), dict(sorted(kept.items())), sorted(tags)]
