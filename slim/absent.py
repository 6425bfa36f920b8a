"""TF-Slim's names without meaning here: each is at its place, and says what to write instead.

They serve a graph, its queues and its devices. A model here is a function of arrays, and what
feeds it is Python: a loop over batches, made in any way that makes arrays.
"""

import sys
from types import ModuleType
from typing import Any, NoReturn


class NestedQueueRunnerError(Exception):
    """Never raised: there are no queue runners to nest.

    >>> issubclass(slim.queues.NestedQueueRunnerError, Exception)
    True
    """


class Absent:
    """A name that raises when it is called, or when a class is derived from it.

    Args:
      path: the name in full, as users write it.
      why: what it is for, and what there is instead.
      write: a line to write in its place.
    """

    def __init__(self, path: str, why: str, write: str):
        self.__name__ = path.rpartition(".")[2]
        self.error = f"{path} has no meaning here: {why}. Write `{write}`."
        self.__doc__ = f"""Without meaning here: {why}.

        >>> {path}()
        Traceback (most recent call last):
            ...
        NotImplementedError: {self.error}
        """

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, and say what to write."""
        raise NotImplementedError(self.error)

    def __mro_entries__(self, bases: tuple) -> NoReturn:
        """Refuse to be a base class."""
        raise NotImplementedError(self.error)

    def __repr__(self) -> str:
        return f"<{self.error}>"


_LOOP = "for images, labels in batches: params, state = step(params, state, images, labels)"
_DECODE = "samples = map(decode, records)  # decode: a function from a record to arrays"
_ARRAYS = "images = np.stack([np.asarray(PIL.Image.open(file)) for file in files])"

# Module, its names, what they are for, what to write.
_TABLE = [
    ("queues", "QueueRunners", "there are no queues that a session must run", _LOOP),
    ("prefetch_queue", "prefetch_queue", "batches come from a Python iterator, not a queue", _LOOP),
    (
        "data_provider",
        "DataProvider",
        "a sample is a dict of arrays, not of the tensors of a graph",
        "samples = ({'image': image, 'label': label} for image, label in pairs)",
    ),
    (
        "dataset_data_provider",
        "DatasetDataProvider",
        "samples come from a Python iterator, not from readers in a graph",
        "order = np.random.default_rng(seed).permutation(dataset.num_samples)",
    ),
    (
        "parallel_reader",
        "ParallelReader parallel_read single_pass_read",
        "files are read by Python, not by readers in a graph",
        "records = concurrent.futures.ThreadPoolExecutor(4).map(read, files)",
    ),
    (
        "parallel_reader",
        "get_data_files",
        "files are found by Python",
        "files = sorted(glob.glob(pattern))",
    ),
    ("data_decoder", "DataDecoder", "records are decoded by Python functions", _DECODE),
    (
        "tfexample_decoder",
        "TFExampleDecoder TFSequenceExampleDecoder ItemHandler ItemHandlerCallback BackupHandler "
        "BoundingBox BoundingBoxSequence NumBoxesSequence KeypointsSequence Tensor SparseTensor",
        "records are decoded by Python functions",
        _DECODE,
    ),
    (
        "tfexample_decoder",
        "Image",
        "images are decoded by Python, with Pillow for example",
        _ARRAYS,
    ),
    (
        "tfexample_decoder",
        "LookupTensor",
        "a table to look strings up in is a dict",
        "ids = np.array([table[word] for word in words])",
    ),
]


def _module(name: str, **more: Any) -> ModuleType:
    """Make the module `slim.<name>` of its rows, so that it can also be imported from."""
    path = f"slim.{name}"
    module = ModuleType(path, f"Without meaning here: what `{path}` held, each with what to write.")
    for row, names, why, write in _TABLE:
        if row == name:
            more |= {n: Absent(f"{path}.{n}", why, write) for n in names.split()}
    vars(module).update(more, __all__=sorted(more))
    sys.modules[path] = module
    return module


data_decoder = _module("data_decoder")
data_provider = _module("data_provider")
dataset_data_provider = _module("dataset_data_provider")
parallel_reader = _module("parallel_reader")
prefetch_queue = _module("prefetch_queue")
queues = _module("queues", NestedQueueRunnerError=NestedQueueRunnerError)
tfexample_decoder = _module("tfexample_decoder")

VariableDeviceChooser = Absent(
    "slim.VariableDeviceChooser",
    "JAX places arrays, by shardings and not by an op's device",
    "params = jax.device_put(params, jax.sharding.NamedSharding(mesh, spec))",
)
