"""Slim's training, checkpoints, evaluation and summaries, beyond the numbers of the goldens."""

import json
import logging
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
import slim

IMAGES = jnp.asarray(np.random.RandomState(0).randint(0, 2, [16, 4]), jnp.float32)
LABELS = jnp.asarray(np.eye(2)[np.arange(16) % 2], jnp.float32)
INPUTS = IMAGES.at[:, 0].set(LABELS[:, 0])
BATCH = (INPUTS, LABELS)
TRAINING = {"number_of_steps": 5, "log_every_n_steps": 2, "save_interval_secs": 0}


def classifier(images, labels, is_training=True):
    net = slim.batch_norm(images, is_training=is_training, decay=0.1)
    logits = slim.fully_connected(net, 2, activation_fn=None, scope="logits")
    slim.losses.softmax_cross_entropy(logits, labels)
    return slim.losses.get_total_loss()


def sgd(**given):
    return slim.learning.create_train_op(classifier, nn.GradientDescentOptimizer(1.0), **given)


def forever(batch=BATCH):
    while True:
        yield batch


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run of 5 steps, and its end."""
    logdir = str(tmp_path_factory.mktemp("run"))
    return logdir, *slim.learning.train(sgd(), logdir, batches=forever(), **TRAINING)


# Train ops


def test_a_train_op_is_pure_functions():
    train_op = sgd()
    first = train_op.init(jax.random.key(0), *BATCH)
    assert int(first.global_step) == 0
    once, loss = train_op.step(first, *BATCH)
    again, same = train_op(first, *BATCH)
    assert float(loss) == float(same)
    jax.tree.map(np.testing.assert_array_equal, once, again)
    scanned, losses = jax.lax.scan(lambda s, _: train_op.step(s, *BATCH), first, length=3)
    assert int(scanned.global_step) == 3
    assert losses[2] < losses[0]


def test_every_random_draw_of_a_step_is_new():
    train_op = slim.learning.create_train_op(
        lambda x: jnp.sum(slim.dropout(x * nn.get_variable("w", [8]), 0.5)),
        nn.GradientDescentOptimizer(0.0),
    )
    state = train_op.init(jax.random.key(0), jnp.ones(8))
    losses = set()
    for _ in range(4):
        state, loss = train_op(state, jnp.ones(8))
        losses.add(float(loss))
    assert len(losses) == 4


def test_subsets_of_variables():
    train_op = sgd(variables_to_train=["logits/biases"], update_ops=["BatchNorm/moving_mean"])
    before = train_op.init(jax.random.key(0), *BATCH)
    after, _ = train_op(before, *BATCH)
    moved = {
        name
        for old, new in ((before.params, after.params), (before.state, after.state))
        for name in old
        if (old[name] != new[name]).any()
    }
    assert moved == {"logits/biases", "BatchNorm/moving_mean", "global_step"}


def test_constraints_hold_after_a_step():
    def loss(x):
        return jnp.sum(x * nn.get_variable("w", [2], constraint=lambda w: jnp.clip(w, 0.0, 0.5)))

    train_op = slim.learning.create_train_op(loss, nn.GradientDescentOptimizer(9.0))
    state = train_op.init(jax.random.key(0), jnp.array([1.0, -1.0]))
    state, _ = train_op(state, jnp.array([1.0, -1.0]))
    np.testing.assert_array_equal(state.params["w"], [0.0, 0.5])


def test_dropped_gradients_leave_variables_alone():
    train_op = slim.training.create_train_op(
        classifier, nn.AdamOptimizer(0.1), transform_grads_fn=lambda pairs: pairs[:1]
    )
    before = train_op.init(jax.random.key(0), *BATCH)
    after, _ = train_op(before, *BATCH)
    assert (after.params["BatchNorm/beta"] != before.params["BatchNorm/beta"]).any()
    np.testing.assert_array_equal(after.params["logits/weights"], before.params["logits/weights"])


def test_a_loss_that_is_not_finite():
    def loss(x):
        return jnp.log(x) * nn.get_variable("w", [])

    for check in (True, False):
        train_op = slim.learning.create_train_op(
            loss, nn.GradientDescentOptimizer(0.1), check_numerics=check
        )
        state = train_op.init(jax.random.key(0), 0.0)
        if check:
            with pytest.raises(FloatingPointError, match="LossTensor is inf or nan"):
                train_op(state, 0.0)
        else:
            assert not np.isfinite(train_op(state, 0.0)[1])


def test_gradient_noise_needs_no_more_than_a_scale():
    def loss(x):
        return jnp.sum(nn.get_variable("w", initializer=jnp.zeros(100)) * x)

    train_op = slim.optimize_loss(loss, None, 1.0, "SGD", gradient_noise_scale=0.5)
    state = train_op.init(jax.random.key(0), jnp.zeros(100))
    moved = train_op(state, jnp.zeros(100))[0].params["w"]
    assert 0.3 < moved.std() < 0.6  # truncated at 2: 0.44
    assert jnp.abs(moved).max() <= 1.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: slim.learning.create_train_op(jnp.ones([]), nn.AdamOptimizer()),
            ValueError,
            "def",
        ),
        (lambda: slim.learning.create_train_op(classifier, "Adam"), ValueError, "AdamOptimizer"),
        (lambda: sgd(variables_to_train=[]).init(KEY, *BATCH), ValueError, "no variables to train"),
        (
            lambda: sgd(variables_to_train=["logits/weight"]).init(KEY, *BATCH),
            ValueError,
            "nearest name is 'logits/weights'",
        ),
        (lambda: sgd(global_step="steps").init(KEY, *BATCH), ValueError, "variable 'steps'"),
        (
            lambda: slim.learning.create_train_op(lambda x: x, nn.AdamOptimizer()).init(
                KEY, BATCH[0]
            ),
            ValueError,
            r"scalar, got float32\[16, 4\]",
        ),
        (lambda: slim.optimize_loss(classifier, jnp.zeros([]), 0.1, "SGD"), TypeError, "the name"),
        (
            lambda: slim.optimize_loss(classifier, None, 0.1, lambda rate: 3),
            ValueError,
            "returned 3",
        ),
    ],
)
def test_refusals_of_train_ops(make, error, message):
    with pytest.raises(error, match=message):
        make()


KEY = jax.random.key(0)

# Training


def test_a_run_is_continued_where_it_ended(trained, tmp_path):
    _, end, loss = trained
    logdir = str(tmp_path)
    settings = {"batches": forever(), "save_interval_secs": 600}
    slim.learning.train(sgd(), logdir, number_of_steps=3, **settings)
    continued, same = slim.learning.train(sgd(), logdir, number_of_steps=5, **settings)
    assert float(loss) == float(same)
    jax.tree.map(np.testing.assert_array_equal, end, continued)
    done, none = slim.learning.train(sgd(), logdir, number_of_steps=5, **settings)
    assert none is None
    assert int(done.global_step) == 5


def test_the_log(caplog):
    caplog.set_level(logging.INFO, "slim")
    slim.learning.train(sgd(), None, log_every_n_steps=2, batches=[BATCH] * 5)
    lines = [line for line in caplog.messages if line.startswith("global step")]
    assert [line.split(":")[0] for line in lines] == ["global step 2", "global step 4"]
    assert "loss = 0." in lines[0]
    assert caplog.messages[-1] == "the batches are at their end"


def test_first_values_may_be_given(tmp_path):
    init_fn = slim.assign_from_values_fn({"logits/biases": np.array([0.25, -0.25])})
    frozen = partial(sgd, variables_to_train=["logits/weights"])
    end, _ = slim.learning.train(frozen(), None, init_fn=init_fn, batches=[BATCH])
    np.testing.assert_array_equal(end.params["logits/biases"], [0.25, -0.25])


def test_a_step_function_of_ones_own():
    seen = []

    def step(sess, *args):
        loss, _ = slim.learning.train_step(sess, *args)
        seen.append((args[1:], float(sess.train_state.global_step)))
        return loss, len(seen) == 2

    slim.learning.train(sgd(), None, step, {"mine": 1}, batches=forever())
    assert seen == [((None, {"mine": 1}), 1.0), ((None, {"mine": 1}), 2.0)]
    with pytest.raises(ValueError, match="should_trace needs logdir"):
        slim.learning.train_step(None, None, None, {"should_trace": lambda step: True})


def test_hooks_of_training():
    told = []

    class Hook:
        def begin(self):
            told.append("begin")

        def after_run(self, session, loss):
            told.append(int(session.train_state.global_step))
            if told[-1] == 2:
                session.request_stop()

        def end(self, session):
            told.append("end")

    keep_nothing = {"save_checkpoint_secs": None, "save_summaries_steps": None}
    slim.training.train(sgd(), None, hooks=[Hook()], batches=forever(), **keep_nothing)
    assert told == ["begin", 1, 2, "end"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"graph": "g"}, "graph= has no meaning here, got 'g'. The loss function is the model"),
        ({"master": "grpc://"}, "jax.distributed.initialize"),
        ({"is_chief": False}, "jax.process_index"),
        ({"init_op": "op"}, "init_fn="),
        ({"session_config": {}}, "jax.config"),
        ({"startup_delay_steps": 5}, "step together"),
        ({"sync_optimizer": "s"}, "jax.sharding"),
        ({"saver": "s"}, "orbax"),
        ({"number_of_steps": 0}, "must be None or positive, got 0"),
        ({"summary_op": "op"}, "all summaries are written"),
        ({"trace_every_n_steps": 1}, "needs logdir"),
        ({"batches": []}, "batches is empty"),
    ],
)
def test_refusals_of_training(given, message):
    with pytest.raises(ValueError, match=message):
        slim.learning.train(sgd(), None, **{"batches": forever()} | given)


def test_training_without_a_train_op_or_a_folder():
    with pytest.raises(ValueError, match="train_op is None"):
        slim.learning.train(None, None, batches=forever())
    with pytest.raises(ValueError, match="logdir is None"):
        slim.training.train(sgd(), None, batches=forever())


def test_a_checkpoint_of_another_model(trained):
    def other(images, labels):
        return jnp.sum(slim.fully_connected(images, 3, scope="logits"))

    train_op = slim.learning.create_train_op(other, nn.GradientDescentOptimizer(1.0))
    with pytest.raises(ValueError, match="is a checkpoint of another model"):
        slim.learning.train(train_op, trained[0], batches=forever())


# Evaluation


def metrics(images, labels):
    """The loss, and the mean of it over all batches in a local variable."""
    loss = classifier(images, labels, is_training=False)
    keys = [nn.GraphKeys.LOCAL_VARIABLES]
    zeros = nn.zeros_initializer()
    count = nn.get_variable("count", [], initializer=zeros, trainable=False, collections=keys)
    nn.assign("count", count + 1)
    slim.summaries.add_scalar_summary(loss, "loss")
    return {"loss": loss, "count": count + 1}


def test_a_checkpoint_is_evaluated_over_batches(trained, tmp_path, caplog):
    caplog.set_level(logging.INFO, "slim")
    logdir, end, _ = trained
    path = slim.evaluation.wait_for_new_checkpoint(logdir)
    assert path == str(Path(logdir, "checkpoints", "5"))
    evaluate = partial(slim.evaluation.evaluate_once, "", path, str(tmp_path), eval_op=metrics)
    values = evaluate(num_evals=3, batches=forever())
    (expected, _), _ = nn.transform(
        lambda *batch: (classifier(*batch, is_training=False), 0)
    ).apply(end.params, end.state, *BATCH)
    assert float(values["loss"]) == pytest.approx(float(expected))
    assert float(values["count"]) == 3.0
    assert "'count'" in caplog.text
    row = json.loads((tmp_path / "summaries.jsonl").read_text())
    assert row == {"step": 5, "loss": pytest.approx(float(expected))}
    once = evaluate(num_evals=None, batches=[BATCH] * 2, final_op=lambda v: v["count"])
    assert float(once) == 2.0


def test_evaluation_of_what_a_checkpoint_does_not_have(trained):
    path = slim.evaluation.wait_for_new_checkpoint(trained[0])

    def other(images, labels):
        return jnp.sum(slim.fully_connected(images, 2, scope="logit"))

    for message, given in {
        "the checkpoint has no 'logit/weights'. The nearest": {"eval_op": other},
        "must be a function of a batch": {"eval_op": None},
        "batches is empty": {"eval_op": metrics, "batches": []},
        "session_config= has no meaning": {"eval_op": metrics, "session_config": 1},
    }.items():
        with pytest.raises(ValueError, match=message):
            slim.evaluation.evaluate_once("", path, None, **{"batches": [BATCH]} | given)
    with pytest.raises(ValueError, match="there is no checkpoint at nowhere"):
        slim.evaluation.evaluate_once("", "nowhere", None, eval_op=metrics, batches=[BATCH])
    only = slim.evaluation.evaluate_once(
        "",
        path,
        None,
        eval_op=other,
        batches=[BATCH],
        variables_to_restore={"logits/weights": "logit/weights"},
    )
    assert np.isfinite(only)


def test_evaluation_waits_for_checkpoints(trained):
    asked = []

    def timeout_fn():
        asked.append(1)
        return len(asked) == 2

    loop = partial(
        slim.evaluation.evaluation_loop,
        "",
        trained[0],
        None,
        eval_op=metrics,
        batches=[BATCH],
        eval_interval_secs=0,
    )
    assert float(loop(timeout=0, timeout_fn=timeout_fn)["count"]) == 1.0
    assert len(asked) == 2
    assert float(loop(max_number_of_evaluations=1)["count"]) == 1.0
    with pytest.raises(ValueError, match="init_fn"):
        loop(init_fn=metrics)
    assert list(slim.evaluation.checkpoints_iterator("nowhere", timeout=0)) == []


def test_summaries_at_the_end_need_a_place():
    with pytest.raises(ValueError, match="log_dir or summary_writer"):
        slim.evaluation.SummaryAtEndHook()
    with pytest.raises(ValueError, match="no meaning here"):
        slim.evaluation.SummaryAtEndHook("here", summary_op="op")


# Summaries


def test_summaries_are_written_while_training(tmp_path):
    def loss(images, labels):
        loss = classifier(images, labels)
        slim.summaries.add_scalar_summary(loss, "total loss", prefix="losses")
        slim.summarize_collection(nn.GraphKeys.MODEL_VARIABLES, "logits/")
        return loss

    train_op = slim.training.create_train_op(
        loss, nn.GradientDescentOptimizer(0.1), summarize_gradients=True
    )
    slim.training.train(train_op, str(tmp_path), save_summaries_steps=2, batches=[BATCH] * 5)
    rows = [json.loads(line) for line in (tmp_path / "summaries.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    assert set(rows[0]["logits/weights_summary"]) == {"min", "mean", "max", "std"}
    assert {"losses/total_loss", "summarize_grads/logits/biases_gradient_norm"} < set(rows[0])


def test_summaries_by_hand(capsys):
    def model(x):
        slim.summaries.add_scalar_summary(jnp.sum(x), "sum", print_summary=True)
        slim.summaries.add_scalar_summary(jnp.sum(x), "sum")
        slim.summarize_tensor(x > 0, "left out")
        slim.summarize_tensor(x, "histogram")
        return slim.summaries.merged_summaries()

    values, _ = nn.transform(model).apply({}, {}, jnp.ones(3))
    assert list(values) == ["sum", "sum_1", "histogram"]
    assert capsys.readouterr().out == "sum3.0\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: slim.summaries.add_scalar_summary(x, "x"), "'x' is of rank 0"),
        (lambda x: slim.summaries.add_image_summary(x, "x"), "'x' is of rank 4"),
        (lambda x: slim.summaries.add_histogram_summary(x), "needs one: name="),
    ],
)
def test_refusals_of_summaries(make, message):
    with pytest.raises(ValueError, match=message):
        nn.transform(make).apply({}, {}, jnp.ones(3))


def test_sizes_of_a_model(capsys):
    with pytest.raises(TypeError, match="must be a jaxpr"):
        slim.model_analyzer.analyze_ops(classifier)
    jaxpr = jax.make_jaxpr(lambda x: jnp.sin(x) * 2.0)(jnp.ones((2, 3)))
    assert slim.model_analyzer.analyze_ops(jaxpr, print_info=True) == 12
    assert "sin \t-> (float32 2x3) [6]" in capsys.readouterr().out
