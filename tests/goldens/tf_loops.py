"""What the real thing does in a loop of steps, run in sessions of its own: `t.loops` of programs.

`loops.py` has the same functions for ours; both return NumPy arrays and plain values.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim

from goldens.kit import draw
from goldens.learning_cases import model

SLOT = re.compile(r"/(Momentum|Adam|RMSProp)(_\d)?$|beta._power$")


def trajectory(
    optimizer: str, steps: int = 20, scale: float = 1.0, decay: Any = None, **kwargs: Any
) -> Any:
    """The variables after each step of descent into a tilting bowl, and the slots at the end.

    The gradient of `w` is `scale * (w / 3 + tilt)`, with another random tilt at each step. `decay`
    is the name and the arguments of a decay of the learning rate.
    """
    key = f"{optimizer} {steps} {scale} {kwargs}"
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.create_global_step()
        w = tf.get_variable("w", initializer=draw(f"{key}|w", [2, 3]))
        tilt = tf.placeholder("float32", [2, 3])
        if decay is not None:
            function, given = decay
            kwargs["learning_rate"] = getattr(tf.train, function)(global_step=step, **given)
        made = getattr(tf.train, f"{optimizer}Optimizer")(**kwargs)
        loss = scale * tf.reduce_sum(w * w / 6 + w * tilt)
        run = made.minimize(loss, step)
        session.run(tf.global_variables_initializer())
        places = []
        for i in range(steps):
            session.run(run, {tilt: draw(f"{key}|{i}", [2, 3])})
            places.append(session.run(w))
        slots = {v.op.name: v for v in tf.global_variables() if v is not w and v is not step}
        return [np.stack(places), values(session, slots)]


def averages(steps: int = 6, counted: bool = False, **kwargs: Any) -> Any:
    """The moving averages of a variable and of a tensor after each of some steps."""
    with tf.Graph().as_default(), tf.Session() as session:
        v = tf.get_variable("fc/v", initializer=draw("average|v", [3]))
        t = tf.placeholder("float32", [2], name="t")
        count = tf.placeholder("int32", [])
        ema = tf.train.ExponentialMovingAverage(num_updates=count if counted else None, **kwargs)
        run = ema.apply([v, t])
        session.run(tf.global_variables_initializer())
        shadows = {x.op.name: x for x in tf.global_variables() if x is not v}
        found = []
        for i in range(steps):
            v.load(draw(f"average|v{i}", [3]), session)
            session.run(run, {t: draw(f"average|t{i}", [2]), count: i})
            found.append(values(session, shadows))
        names = [
            ema.average_name(v),
            *sorted(k for k in ema.variables_to_restore([v]) if "fc" in k),
        ]
        return [found, names]


def values(session: Any, variables: dict[str, Any]) -> dict[str, np.ndarray]:
    """The present values of named variables, in the order of the names."""
    return {name: np.asarray(session.run(variables[name])) for name in sorted(variables)}


def training(kind: str, optimizer: str = "Momentum", rate: Any = 0.1, **given: Any) -> Any:
    """The losses of three steps of a small model with batch norm, its variables, its summaries.

    Args:
      kind: which function makes the train op: `learning.create_train_op` ...
      optimizer: the name of the optimizer of `create_train_op`, or what `optimize_loss` is given.
      rate: the learning rate.
      given: more arguments; `variables` and `variables_to_train` are names, `clip_gradients` may be
        the arguments of `adaptive_clipping_fn`, `decay` the name and arguments of a decay.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable_scope().set_use_resource(True)  # others may be read while they change
        x, y = tf.placeholder("float32", [5, 3]), tf.placeholder("float32", [5, 2])
        loss = model(tf_slim, x, y)
        step = tf.train.get_or_create_global_step()
        for key in ("variables", "variables_to_train"):
            if key in given:
                known = {v.op.name: v for v in tf.global_variables()}
                given[key] = [known[name] for name in given[key]]
        if "norm" in given:
            given["transform_grads_fn"] = tf_slim.training.clip_gradient_norms_fn(given.pop("norm"))
        if isinstance(given.get("clip_gradients"), dict):
            adaptive = dict(given["clip_gradients"])
            if adaptive.pop("counted", False):
                adaptive["global_step"] = step
            given["clip_gradients"] = tf_slim.adaptive_clipping_fn(**adaptive)
        if "decay" in given:
            name, rest = given.pop("decay")
            given["learning_rate_decay_fn"] = lambda rate, step: getattr(tf.train, name)(
                rate, step, **rest
            )
        if kind == "optimize_loss":
            run = tf_slim.optimize_loss(loss, step, rate, optimizer, **given)
        else:
            make = getattr(tf.train, f"{optimizer}Optimizer")
            made = make(rate, 0.9) if optimizer == "Momentum" else make(rate)
            module, _, function = kind.partition(".")
            run = getattr(getattr(tf_slim, module), function)(loss, made, **given)
        session.run(tf.global_variables_initializer())
        for v in tf_slim.get_model_variables():
            kind = "positive" if v.op.name.endswith("variance") else "normal"
            v.load(draw(f"training|{v.op.name}", v.shape.as_list(), kind), session)
        losses = []
        for i in range(3):
            feed = {x: draw(f"training|x{i}", [5, 3]), y: draw(f"training|y{i}", [5, 2])}
            losses.append(session.run(run, feed))
        kept = {v.op.name: v for v in tf.global_variables() if not SLOT.search(v.op.name)}
        tags = [s.op.name for s in tf.get_collection(tf.GraphKeys.SUMMARIES)]
        # The variable of this name makes TensorFlow number the summary.
        tags = [tag.replace("learning_rate_1", "learning_rate") for tag in tags]
        return [np.stack(losses), values(session, kept), sorted(tags)]
