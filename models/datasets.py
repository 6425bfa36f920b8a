"""Image classification data sets as four arrays: from files, from the network, or offline."""

import difflib
import gzip
import hashlib
import http.client
import math
import os
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
# The md5 is of the uncompressed bytes: mirrors compress the same file differently.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_UBYTE = 8  # IDX's code for unsigned bytes, the third byte of such a file
_RANKS = {"images": 3, "labels": 1}  # the fourth byte: how many dimensions follow


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with their classes, some to learn from and some to be tested on.

    Args:
        name: What `load` calls it.
        train_images: uint8 `[N, 28, 28, 1]`, 0 is background.
        train_labels: int32 `[N]`, from 0 to `num_classes - 1`.
        test_images: As `train_images`.
        test_labels: As `train_labels`.
        num_classes: How many classes there are.

    >>> images, labels = np.zeros([3, 28, 28, 1], np.uint8), np.zeros([3], np.int32)
    >>> Dataset("blank", images, labels, images[:1], labels[:1])
    Dataset('blank': 3 training and 1 test images [28, 28, 1] of 10 classes)
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    num_classes: int = 10

    def __repr__(self):
        counts = f"{len(self.train_images)} training and {len(self.test_images)} test images"
        shape = list(self.train_images.shape[1:])
        return f"Dataset({self.name!r}: {counts} {shape} of {self.num_classes} classes)"


def load(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Returns the data set called `name`: 'digits' or 'mnist'.

    Args:
        name: 'digits' (`digits`, no files needed) or 'mnist' (`mnist`).
        data_dir: For 'mnist', the folder that holds its files.

    >>> load("digits").test_images.shape
    (360, 28, 28, 1)
    """
    if name == "mnist":
        return mnist(data_dir)
    if name == "digits":
        if data_dir is not None:
            raise ValueError(
                f"'digits' is read from no folder; data_dir={str(data_dir)!r} is given."
            )
        return digits()
    near = difflib.get_close_matches(str(name).lower(), ["digits", "mnist"], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"name={name!r} is no known data set: 'digits' or 'mnist'.{hint}")


def digits() -> Dataset:
    """Returns scikit-learn's 1797 handwritten digits, framed as MNIST's are; needs no network.

    The 8x8 originals are enlarged 2.5 times and centred in 28x28. The last 36 of each class are
    the test images, so that the ten classes weigh the same there.

    >>> digits()
    Dataset('digits': 1437 training and 360 test images [28, 28, 1] of 10 classes)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "The 'digits' data set comes with scikit-learn: pip install 'slimlayers[train]'"
        ) from error
    flat, labels = load_digits(return_X_y=True)
    images, labels = _enlarge(np.asarray(flat).reshape(-1, 8, 8)), np.asarray(labels, np.int32)
    test = np.zeros(len(labels), bool)
    for label in range(10):
        test[np.flatnonzero(labels == label)[-36:]] = True
    return Dataset("digits", images[~test], labels[~test], images[test], labels[test])


def _enlarge(images: np.ndarray) -> np.ndarray:
    """Turns `[N, 8, 8]` of 0..16 into uint8 `[N, 28, 28, 1]`, linearly between pixel centres.

    Pixel `i` of 28 lies at `(i - 13.5) / 2.5 + 3.5` of 8. That is whole tenths, so all is computed
    in integers and every machine rounds to the same pixels. Outside the 8 is background, into
    which strokes at the border fade.
    """
    distances = np.abs((4 * np.arange(28) - 19)[:, np.newaxis] - 10 * np.arange(8)[np.newaxis])
    tenths = np.maximum(10 - distances, 0)
    sums = tenths @ images.astype(np.int64) @ tenths.T  # 0 .. 16 * 10 * 10
    return ((255 * sums + 800) // 1600).astype(np.uint8)[..., np.newaxis]


def mnist(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Returns MNIST, or a data set of your own in the same four IDX files.

    The folder is `data_dir`, else the environment's `MNIST_DIR`, else `mnist_cache()`, to which
    missing files are downloaded. Files may be compressed by gzip, and be called
    `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, with or without `.gz`.

    Raises:
        FileNotFoundError: A given folder lacks one of the files.
        ValueError: A file is damaged, or is not what its name says.
        ConnectionError: The download failed.

    >>> mnist("no/such/folder")
    Traceback (most recent call last):
    FileNotFoundError: data_dir='no/such/folder' is not a folder.
    """
    source, given = "data_dir", data_dir
    if given is None:
        source, given = "MNIST_DIR", os.environ.get("MNIST_DIR") or None
    folder = mnist_cache() if given is None else Path(given).expanduser()
    if given is not None and not folder.is_dir():
        raise FileNotFoundError(f"{source}={str(given)!r} is not a folder.")

    paths = []
    for name in MNIST_MD5:
        spellings = [name, name.replace("-idx", ".idx")]
        candidates = [folder / (spelling + end) for spelling in spellings for end in ("", ".gz")]
        path = next((path for path in candidates if path.is_file()), None)
        if path is None and given is not None:
            names = " or ".join(spellings)
            raise FileNotFoundError(f"{source}={str(given)!r} holds no {names}, raw or with .gz.")
        paths.append(path or _download(name, folder))
    return Dataset("mnist", *_read_pair(*paths[:2]), *_read_pair(*paths[2:]))


def mnist_cache() -> Path:
    """Returns the folder in the user's cache where `mnist` keeps what it downloads.

    >>> mnist_cache().parts[-2:]
    ('slimlayers', 'mnist')
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "slimlayers/mnist"


def _download(name: str, folder: Path) -> Path:
    """Fetches one official file from the first mirror that has it right; returns its path."""
    failures, reached = [], False
    for mirror in MNIST_MIRRORS:
        url = f"{mirror}{name}.gz"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                reached = True
                data = response.read()
            digest = hashlib.md5(_unzip(data), usedforsecurity=False).hexdigest()
        except (OSError, http.client.HTTPException, ValueError) as error:
            reached = reached or isinstance(error, urllib.error.HTTPError)
            failures.append(f"{url}: {error}")
            continue
        if digest == MNIST_MD5[name]:
            return _write(folder / f"{name}.gz", data)
        failures.append(f"{url}: md5 {digest} is not the official file's")
    reason = "no mirror gave the right file" if reached else "there is no network"
    raise ConnectionError(
        f"MNIST's {name} is not in {folder}, and {reason}. Give a folder with the four files "
        "(--data-dir, or the environment variable MNIST_DIR), or use 'digits', which needs no "
        "download.\n  " + "\n  ".join(failures)
    )


def _write(path: Path, data: bytes) -> Path:
    """Writes a file that other processes see whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _read_pair(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns images `[N, 28, 28, 1]` and labels `[N]`, checked against each other."""
    images, labels = _read_idx(images_path, "images"), _read_idx(labels_path, "labels")
    if images.shape[1:] != (28, 28):
        height, width = images.shape[1:]
        raise ValueError(f"{images_path}: the images are {height}x{width}, not 28x28.")
    if len(images) != len(labels):
        counts = f"{len(labels)} labels for the {len(images)} images"
        raise ValueError(f"{labels_path}: holds {counts} of {images_path}.")
    if len(labels) == 0:
        raise ValueError(f"{images_path}: holds no images.")
    if labels.max() > 9:
        at = int(np.argmax(labels > 9))
        raise ValueError(f"{labels_path}: label {labels[at]} at position {at} is not in 0..9.")
    return images[..., np.newaxis], labels.astype(np.int32)


def _read_idx(path: Path, what: str) -> np.ndarray:
    """Returns the uint8 array of an IDX file of 'images' or 'labels', raw or gzipped."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":  # by content, as browsers unpack .gz files and keep the name
        try:
            data = _unzip(data)
        except ValueError as error:
            raise ValueError(f"{path}: {error}.") from error
    rank = _RANKS[what]
    if len(data) < 4 or data[:2] != b"\0\0":
        raise ValueError(f"{path}: neither IDX nor gzip, it starts with {data[:8]!r}.")
    if data[2] != _UBYTE:
        raise ValueError(f"{path}: type code {data[2]:#04x}, not {_UBYTE:#04x} (unsigned bytes).")
    if data[3] != rank:
        other = next((kind for kind, n in _RANKS.items() if n == data[3]), None)
        found = f"holds {other}, not {what}" if other else f"{data[3]} dimensions, not {rank}"
        raise ValueError(f"{path}: {found}.")
    start = 4 + 4 * rank
    if len(data) < start:
        raise ValueError(f"{path}: cut off within the header, after {len(data)} bytes.")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", rank, offset=4))
    present, promised = len(data) - start, math.prod(shape)
    if present != promised:
        short = "shorter" if present < promised else "longer"
        sizes = f"{present} bytes of {what} instead of {promised}"
        raise ValueError(f"{path}: {short} than its header says, {sizes} for {list(shape)}.")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _unzip(data: bytes) -> bytes:
    """Decompresses, with one kind of error for the three that gzip has."""
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"damaged gzip ({error})") from error
