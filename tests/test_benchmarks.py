"""The benchmarks, without the other libraries: what is counted, compared, refused and printed."""

import doctest
import importlib
import json
import math
import statistics

import jax
import numpy as np
import pytest
from test_architecture import imports

from benchmarks import __main__ as command
from benchmarks import environments, machine, networks, profile, rounds, tables, worker
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import PEERS, PURE, SCAN_STEPS, raw, slimlayers

# Networks that compile quickly: `every` has each kind of layer, and its images of 8x8 pixels become
# 4x4, 2x2 and then one number.
SMALL = {
    "every": (
        Conv(8, 3, batch_norm=True),
        Depthwise(3, 2),
        Conv(8, 1),
        MaxPool(2),
        GlobalAverage(),
        Flatten(),
        Dense(3),
    ),
    "dense": (Flatten(), Dense(8, relu=True), Dropout(0.4), Dense(3)),
    "normed": (Conv(8, 1, batch_norm=True), GlobalAverage(), Dense(3)),
}
ROWS = {name: (lambda *_, n=name: SMALL[n], (8, 8, 2), 3, 4) for name in SMALL}
PEERS_HERE = {"raw": (raw, ""), "layers": (slimlayers, "layers"), "slim": (slimlayers, "slim")}


@pytest.fixture(autouse=True)
def as_users_have_it(monkeypatch):
    """JAX's own settings, not the strict ones of the other tests; and the small networks."""
    monkeypatch.setattr(networks, "NETWORKS", networks.NETWORKS | ROWS)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def built(peer, text):
    module, style = PEERS_HERE[peer]
    return module.build(networks.parse(text), style)


def first_losses(program):
    return [program.train(1) for _ in range(rounds.STEPS)]


# Networks


def counted(jaxpr):
    """Multiply-adds of a program's convolutions and matrix products, from their shapes."""
    total = 0
    for equation in jaxpr.eqns:
        shapes = [math.prod(x.aval.shape) for x in (*equation.invars, *equation.outvars)]
        if equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape  # HWIO
            total += shapes[2] * math.prod(kernel[:3])
        elif equation.primitive.name == "dot_general":
            (axes, _), _ = equation.params["dimension_numbers"]
            total += shapes[2] * math.prod(equation.invars[0].aval.shape[i] for i in axes)
        inner = [value for value in equation.params.values() if hasattr(value, "jaxpr")]
        total += sum(counted(closed.jaxpr) for closed in inner)
    return total


@pytest.mark.parametrize("text", ["every", "mnist", "lite"])
def test_flops_of_inference_are_those_of_the_program(text):
    program = raw.build(network := networks.parse(text), "")
    jaxpr = jax.make_jaxpr(program.logits)(program.state, program.images)
    assert networks.flops(network, training=False) == 2 * counted(jaxpr.jaxpr)


def test_flops_of_mobilenet_are_those_of_its_paper():
    network = networks.parse("v1:batch=1")
    assert round(networks.flops(network, training=False) / 2e6) == 569  # arXiv:1704.04861
    assert (
        round(networks.flops(networks.parse("v1:batch=1:width=0.5"), training=False) / 2e6) == 149
    )


def test_flops_of_training():
    network = networks.parse("mnist:batch=2")
    first = 2 * 2 * 28 * 28 * 5 * 5 * 32
    once = networks.flops(network, training=False)
    assert networks.flops(network, training=True) == 3 * once - first


def test_weights_fit_the_layers():
    network = networks.parse("v1:width=0.25")
    arrays = [a for weights in networks.initial_weights(network) for a in weights.values()]
    assert {a.dtype for a in arrays} == {np.dtype("float32")}
    net = networks.parse("v1")
    trained = [
        array.size
        for weights in networks.initial_weights(net)
        for name, array in weights.items()
        if name not in ("mean", "variance")
    ]
    assert sum(trained) == 4_231_976  # as in models.mobilenet


@pytest.mark.parametrize(
    "text, message",
    [
        ("lit", "network 'lit': expected one of mnist, lite, lite32, v1."),
        ("lite:batch=0", "'batch=0', expected batch=N, width=X or size=N, positive."),
        ("lite:depth=2", "'depth=2', expected batch=N, width=X or size=N, positive."),
        ("mnist:size=30", r"MaxPool\(size=2\) does not divide its input \[15, 15, 64\]."),
    ],
)
def test_no_such_network(text, message):
    with pytest.raises(ValueError, match=message):
        networks.parse(text)


# Peers


def test_peers_compute_the_same():
    by_hand, explicit, scoped = (built(peer, "every") for peer in PEERS_HERE)
    logits = by_hand.infer(1)
    # Sums of float32 in another order.
    np.testing.assert_allclose(explicit.infer(1), logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scoped.infer(1), logits, rtol=1e-4, atol=1e-5)
    losses = first_losses(by_hand)
    assert losses[2] < losses[1] < losses[0]
    assert rounds.difference(first_losses(explicit), losses) < rounds.TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("text", ["mnist:batch=8", "lite:batch=8"])
def test_a_learning_rate_wrong_by_a_tenth_is_refused(monkeypatch, text):
    def losses():
        return first_losses(raw.build(networks.parse(text).to_compare(), ""))

    right = losses()
    monkeypatch.setattr(networks, "CHECK_RATE", 1.1 * networks.CHECK_RATE)
    assert rounds.difference(losses(), right) > 4 * rounds.TOLERANCE


@pytest.mark.slow
def test_a_wrong_epsilon_is_refused(monkeypatch):
    right = first_losses(built("raw", "normed"))
    monkeypatch.setattr(networks, "EPSILON", 1e-5)
    assert rounds.difference(first_losses(built("raw", "normed")), right) > rounds.TOLERANCE


def test_tasks_of_pure_programs():
    images, labels = np.zeros((26, 8, 8, 2), np.uint8), np.zeros(26, np.int32)
    program = built("raw", "dense")
    assert len(program.scan(1)) == int(program.state[0]) == SCAN_STEPS
    program.epoch_piece = 4
    program.epoch(images, labels)  # 6 batches in pieces of 3; two images are left
    assert int(program.state[0]) == SCAN_STEPS + 6
    program.dispatch(3)
    touched = jax.tree.leaves(program._tiny)
    assert len(touched) == len(jax.tree.leaves(program.state))
    assert all(leaf == 3 for leaf in touched)
    seconds = program.trace()
    assert seconds.keys() == {"trace", "lower"} and min(seconds.values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS_HERE)
def test_there_is_dropout_in_training(peer):
    network = networks.parse("dense")
    plain = built("raw", "dense").infer(1)
    _, labels = networks.batch(network)
    loss = worker.cross_entropy(plain, labels)  # without moving averages it is that of training
    assert abs(built(peer, "dense").train(1) - loss) > 1e-3 * loss


def test_each_peer_has_its_module():
    folder = environments.ROOT / "benchmarks" / "peers"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "pure"}
    assert {peer.module for peer in PEERS.values()} == modules
    assert {task for peer in PEERS.values() for task in peer.tasks} == set(command.TASKS)
    assert all(set(peer.tasks) <= set(PURE) for peer in PEERS.values())


def test_what_every_environment_can_import():
    for module in ("networks", "worker", "peers/__init__"):
        used = {
            name.partition(".")[0]
            for name in imports(environments.ROOT / "benchmarks" / f"{module}.py")
        }
        assert not used & {"jax", "optax", "models", "nn", "layers", "slim"}


def test_losses_of_the_worker():
    logits, labels = np.array([[0.0, 0.0], [0.0, math.log(3)]]), np.array([0, 1])
    assert worker.cross_entropy(logits, labels) == pytest.approx(
        (math.log(2) - math.log(0.75)) / 2, rel=1e-12
    )


def test_the_worker_takes_the_first_losses_without_dropout():
    process = worker.Worker()
    answer = process.start("raw", "dense", "train")
    assert answer["versions"] == {"jax": jax.__version__}
    network = networks.parse("dense").to_compare()
    plain = worker.cross_entropy(raw.build(network, "").infer(1), networks.batch(network)[1])
    losses = process.losses(3)["losses"]
    assert losses[0] == pytest.approx(plain, rel=1e-6)
    assert abs(process.first - plain) > 1e-3 * plain
    assert process.measure(2)["seconds"]["train"] > 0
    assert int(process.program.state[0]) == 3


# Rounds


class Canned:
    """A process that answers at once, and remembers what it was asked."""

    def __init__(self, peer, losses=(2.0, 1.5, 1.0), times=(1.0,), asked=None):
        self.peer, self.asked = peer, [] if asked is None else asked
        self.closed = False
        self.losses, self.times = list(losses), iter(times)

    def ask(self, command, **arguments):
        self.asked.append((self.peer, command))
        if command == "start":
            return {"first_seconds": 0.5, "versions": {}}
        if command == "losses":
            return {"losses": self.losses}
        try:
            return {"seconds": {"epoch": next(self.times)}}
        except StopIteration:
            raise RuntimeError("out of memory") from None

    def close(self):
        self.closed = True


def compete(*processes, number=1):
    told = []
    contest = rounds.Contest("epoch", "lite", tell=told.append)
    starts = {process.peer: lambda process=process: process for process in processes}
    measured = contest.run(starts, number, 0.01)
    assert all(process.closed for process in processes)
    return measured, told


@pytest.mark.parametrize("wrong", [1.5004, math.nan])
def test_a_peer_with_other_losses_is_refused_before_it_is_timed(wrong):
    asked = []
    right, close = Canned("right"), Canned("close", (2.0, 1.50028, 1.0))
    other = Canned("other", (2.0, wrong, 1.0), asked=asked)
    measured, told = compete(right, other, close)
    assert [m.peer for m in measured] == ["right", "close"]
    (line,) = told
    assert line.startswith(f"other is left out: its losses are [2.0, {wrong}, 1.0], and those of")
    assert "right [2.0, 1.5, 1.0]: expected the same within a relative 0.0002" in line
    assert asked == [("other", "start"), ("other", "losses")]


def test_a_peer_with_a_model_of_its_own_is_measured_and_told_of():
    measured, told = compete(Canned("own", ()), Canned("a"), Canned("b"), Canned("c", (2, 1.5, 2)))
    assert [m.peer for m in measured] == ["own", "a", "b"]
    assert told[0] == "own has a model of its own, whose losses are not compared."
    assert told[1].startswith("c is left out: its losses are [2, 1.5, 2], and those of a ")
    assert "Losses of a: 2, 1.5, 1; the others' differ by a relative 0e+00" in command.agreement(
        measured
    )


def test_a_peer_that_fails_is_left_out():
    measured, told = compete(Canned("a", times=[1, 2]), Canned("b", times=[3]), number=2)
    assert [(m.peer, m.seconds) for m in measured] == [("a", {"epoch": [1, 2]})]
    assert told == ["b is left out: out of memory"]


def test_peers_take_turns():
    asked = []
    peers = [Canned(name, times=range(3), asked=asked) for name in "abc"]
    compete(*peers, number=3)
    turns = [peer for peer, command in asked if command == "measure"]
    assert "".join(turns) == "abcbcacab"


# Tables


def measurement(peer, seconds):
    return rounds.Measurement(peer, 1.25, 2.5, {"jax": "1"}, [], {"train": seconds})


def test_ratios_are_those_of_the_same_round():
    times, others = [1.0, 2.0, 4.0, 8.0, 5.0], [2.0, 2.0, 16.0, 8.0, 15.0]
    low, middle, high = np.percentile([2, 1, 4, 1, 3], [25, 50, 75])
    assert tables.ratios(times, others) == (middle, low, high)
    assert tables.ratios([2.0], [3.0]) == (1.5, 1.5, 1.5)


def test_table():
    fast, slow = measurement("fast", [0.001, 0.003, 0.002]), measurement("slow", [0.004] * 3)
    text = tables.table([slow, fast], "train", ["slow", "absent"], 10**6, 10**9, 100)
    header, _, first, second = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
    ]
    assert header == [
        "peer",
        "median ms",
        "speed / slow (25-75 %)",
        "of peak",
        "images/s",
        "first s",
        "with imports s",
        "versions",
    ]
    # 1 MFLOP in 2 ms of a GFLOP/s are 50 %; the rounds' ratios are 4, 4/3 and 2.
    speed = f"{statistics.median([4, 4 / 3, 2]):.2f} (1.67-3.00)"
    assert first == ["fast", "2", speed, "50%", "50,000", "1.2", "2.5", "jax 1"]
    assert second[:3] == ["slow", "4", "1.00 (1.00-1.00)"]


# The command


def test_the_command(monkeypatch, capsys, tmp_path):
    peaks = {"flops": 1e11, "bytes": 1e10, "device": "cpu"}
    monkeypatch.setattr(command, "measure_peaks", lambda device: peaks)
    text = "mnist:width=0.01:batch=4:size=8"  # a process knows no tiny one
    argv = ["--networks", text, "--tasks", "infer"]
    argv += ["--peers", "pytorch,slimlayers.layers,haiku,raw"]
    argv += ["--rounds", "2", "--seconds", "0.02", "--environments", str(tmp_path)]
    argv += ["--logs", str(tmp_path), "--json", str(tmp_path / "rows")]
    command.main([*argv, "--env", "raw:XLA_FLAGS="])
    out = capsys.readouterr().out
    assert "not installed, so left out: pytorch, haiku\n" in out
    assert f"## infer, {text}, batch 4\n" in out
    assert "the others' differ by a relative" in out
    table = [line for line in out.splitlines() if line.startswith("| ")]
    assert {line.split()[1] for line in table[2:]} == {"raw", "slimlayers.layers"}
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert [row["peer"] for row in rows] == ["raw", "slimlayers.layers"]
    assert all(len(row["seconds"]["infer"]) == 2 for row in rows)


def test_a_process_answers_its_errors_and_may_end(tmp_path):
    variables = environments.variables("raw", "cpu", {})
    python = environments.python_of("raw", tmp_path, {})
    process = rounds.Process(
        "raw", [python, "-m", "benchmarks.worker"], variables, tmp_path / "log"
    )
    with pytest.raises(RuntimeError, match="KeyError: 'none'"):
        process.ask("start", peer="none", network="lite", task="train")
    process.close()
    with pytest.raises(RuntimeError, match="its process ended with -9"):
        process.ask("losses", count=1)


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--peers", "raw,rwa"], "'rwa' is none of raw, slimlayers.layers"),
        (["--networks", "lite:batch=x"], "'batch=x', expected batch=N"),
        (["--tasks", "trian"], "'trian' is none of train, scan"),
        (["--rounds", "0"], "--rounds and --seconds: expected positive numbers"),
        (["--env", "raw"], "'': expected NAME=VALUE"),
        (["--python", "jax"], "'jax': expected NAME=VALUE"),
        (["--env", "rwa:A=1"], "'rwa:A=1': expected PEER:NAME=VALUE"),
        (["install", "rwa"], "'rwa' is none of raw, slimlayers.layers"),
    ],
)
def test_bad_arguments(capsys, argv, message):
    with pytest.raises(SystemExit):
        command.main(argv)
    assert message in " ".join(capsys.readouterr().err.split())


def test_install(monkeypatch, tmp_path):
    made, run = [], []
    monkeypatch.setattr(environments.venv, "create", lambda path, with_pip: made.append(path))
    monkeypatch.setattr(environments.subprocess, "run", lambda line, check: run.append(line))
    monkeypatch.delenv("TF_SLIM", raising=False)
    argv = ["install", "--environments", str(tmp_path), "tf_slim", "haiku", "flax_nnx", "raw"]
    command.main([*argv, "--", "--no-deps"])
    assert made == [tmp_path / "jax", tmp_path / "tensorflow"]
    assert all(line[1:5] == ["-m", "pip", "install", "--no-deps"] for line in run)
    assert f"jax=={jax.__version__}" in run[0]
    assert run[1][-1] == environments.TF_SLIM_SOURCE
    monkeypatch.setenv("TF_SLIM", "checkout")
    assert environments.requirements("tensorflow")[-1] == "checkout"
    assert environments.variables("tf_slim", "cpu", {})["PYTHONPATH"].split(":")[1] == "checkout"


def test_given_interpreters(tmp_path):
    (tmp_path / "python").touch()
    path = str(tmp_path / "python")
    assert environments.python_of("haiku", tmp_path, {}) is None
    assert environments.python_of("haiku", tmp_path, {"jax": path}) == path
    assert environments.python_of("pytorch", tmp_path, {"jax": path}) is None
    assert environments.python_of("pytorch", tmp_path, {"pytorch": path}) == path


def test_epoch_file(monkeypatch, capsys):
    monkeypatch.delenv("MNIST_DIR", raising=False)
    with command.epoch_file(50) as (path, count):
        data = dict(np.load(path))
    assert count == len(data["labels"]) == 50 and data["images"].dtype == np.uint8
    assert "50 images: noise in place of MNIST, as MNIST_DIR is not set" in capsys.readouterr().out


def test_the_machine_has_peaks():
    peaks = machine.peaks(size=64, length=2**12)
    assert all(0 < value < 1e16 for value in peaks.values())


def test_a_profile_counts_products_and_bytes(monkeypatch, capsys):
    a, b = np.ones((64, 32), np.float32), np.ones((32, 48), np.float32)
    hlo = jax.jit(lambda a, b: a @ b + 1).lower(a, b).compile().as_text()
    known = profile.operations(hlo).values()
    assert max(operation.flops for operation in known) == 2 * 64 * 32 * 48
    assert max(operation.bytes for operation in known) >= 4 * (64 * 32 + 32 * 48)

    monkeypatch.setattr(machine, "peaks", lambda: {"flops": 1e11, "bytes": 1e10})
    monkeypatch.setattr(profile.nn, "keep_freed_memory", lambda: True)
    profile.main(["--network", "normed", "--top", "3"])
    *_, last = rows = [line for line in capsys.readouterr().out.splitlines() if line[:1] == "|"]
    assert len(rows) == 2 + 3 + 1 and last.startswith("| all |")


@pytest.mark.parametrize("name", ["networks", "profile", "rounds", "tables"])
def test_examples(name):
    module = importlib.import_module(f"benchmarks.{name}")
    failed, tried = doctest.testmod(module)
    assert tried and not failed
