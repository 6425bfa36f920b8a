"""The data sets: what is read, what is refused, and what is fetched."""

import gzip
import hashlib
import io
import os
import re
import struct
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from models import datasets

NAMES = tuple(datasets.MNIST_MD5)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def idx(array, dtype_code=8):
    """Writes an IDX file, as bytes."""
    array = np.asarray(array, np.uint8)
    header = struct.pack(f">4B{array.ndim}I", 0, 0, dtype_code, array.ndim, *array.shape)
    return header + array.tobytes()


def zipped(data):
    """Compress without the time of day: names of tests are made of it, and workers compare them."""
    return gzip.compress(data, mtime=0)


def tiny_arrays():
    """Four arrays by file name: 5 training and 3 test images, all different."""
    rng = np.random.default_rng(0)
    return {
        TRAIN_IMAGES: rng.integers(0, 256, [5, 28, 28], np.uint8),
        TRAIN_LABELS: np.array([0, 9, 2, 5, 1], np.uint8),
        TEST_IMAGES: rng.integers(0, 256, [3, 28, 28], np.uint8),
        TEST_LABELS: np.array([7, 0, 3], np.uint8),
    }


@pytest.fixture
def folder(tmp_path):
    """A folder of four tiny raw files, some of which a test then spoils."""
    path = tmp_path / "idx"
    path.mkdir()
    for name, array in tiny_arrays().items():
        (path / name).write_bytes(idx(array))
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache, empty, with no MNIST_DIR before it and no way to the real network."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    serve(monkeypatch, {})
    return tmp_path / "cache/slimlayers/mnist"


def serve(monkeypatch, replies):
    """Makes urlopen answer by URL: with bytes, or an exception; else as without a network."""
    asked = []

    def urlopen(url, timeout):
        assert timeout > 0
        asked.append(url)
        reply = replies.get(url, urllib.error.URLError("Name or service not known"))
        if isinstance(reply, Exception):
            raise reply
        return io.BytesIO(reply)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def official_is_tiny(monkeypatch):
    """Lets the tiny files pass for the official ones; returns them gzipped, by name."""
    raw = {name: idx(array) for name, array in tiny_arrays().items()}
    md5 = {name: hashlib.md5(data).hexdigest() for name, data in raw.items()}
    monkeypatch.setattr(datasets, "MNIST_MD5", md5)
    return {name: zipped(data) for name, data in raw.items()}


def check_is_tiny(dataset):
    arrays = tiny_arrays()
    np.testing.assert_array_equal(dataset.train_images, arrays[TRAIN_IMAGES][..., None])
    np.testing.assert_array_equal(dataset.train_labels, arrays[TRAIN_LABELS])
    np.testing.assert_array_equal(dataset.test_images, arrays[TEST_IMAGES][..., None])
    np.testing.assert_array_equal(dataset.test_labels, arrays[TEST_LABELS])
    assert dataset.train_images.dtype == dataset.test_images.dtype == np.uint8
    assert dataset.train_labels.dtype == dataset.test_labels.dtype == np.int32
    assert (dataset.name, dataset.num_classes) == ("mnist", 10)


# Files


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_every_spelling_of_the_file_names_is_read(tmp_path, dot, end):
    for name, array in tiny_arrays().items():
        data = zipped(idx(array)) if end else idx(array)
        (tmp_path / (name.replace("-idx", f"{dot}idx") + end)).write_bytes(data)
    check_is_tiny(datasets.mnist(tmp_path))


def test_spellings_may_be_mixed_and_gzip_is_known_by_content(folder):
    (folder / TRAIN_IMAGES).rename(folder / f"{TRAIN_IMAGES}.gz")  # raw, unpacked by a browser
    (folder / TEST_LABELS).rename(folder / "t10k-labels.idx1-ubyte")
    (folder / TRAIN_LABELS).write_bytes(zipped((folder / TRAIN_LABELS).read_bytes()))
    check_is_tiny(datasets.mnist(str(folder)))


def test_a_folder_of_the_name_of_a_file_is_passed_over(folder):
    (folder / TRAIN_IMAGES).rename(folder / "train-images.idx3-ubyte")
    (folder / TRAIN_IMAGES).mkdir()
    check_is_tiny(datasets.mnist(folder))


IMAGES, LABELS = tiny_arrays()[TRAIN_IMAGES], tiny_arrays()[TRAIN_LABELS]
ZIPPED = zipped(idx(IMAGES))
DAMAGED = ZIPPED[:100] + bytes([ZIPPED[100] ^ 0xFF]) + ZIPPED[101:]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (TRAIN_IMAGES, ZIPPED[:-20], "damaged gzip"),
        (TRAIN_IMAGES, ZIPPED[:5], "damaged gzip"),
        (TRAIN_IMAGES, DAMAGED, "damaged gzip"),
        (TRAIN_IMAGES, ZIPPED + b"more", "damaged gzip"),
        (TRAIN_IMAGES, b"<!DOCTYPE html>", "neither IDX nor gzip, it starts with b'<!DOCTYP'"),
        (TRAIN_IMAGES, b"", "neither IDX nor gzip, it starts with b''"),
        (TRAIN_IMAGES, idx(LABELS), "holds labels, not images"),
        (TRAIN_LABELS, idx(IMAGES), "holds images, not labels"),
        (TRAIN_IMAGES, idx(IMAGES, dtype_code=13), "type code 0x0d, not 0x08 (unsigned bytes)"),
        (TRAIN_IMAGES, idx(IMAGES[..., None]), "4 dimensions, not 3"),
        (TRAIN_LABELS, idx(np.eye(5)), "2 dimensions, not 1"),
        (TRAIN_IMAGES, idx(IMAGES)[:10], "cut off within the header, after 10 bytes"),
        (
            TRAIN_IMAGES,
            idx(IMAGES)[:-1],
            "shorter than its header says, 3919 bytes of images instead of 3920 for [5, 28, 28]",
        ),
        (
            TRAIN_LABELS,
            idx(LABELS) + b"\0",
            "longer than its header says, 6 bytes of labels instead of 5 for [5]",
        ),
        (
            TRAIN_IMAGES,  # a product that would wrap in 64 bits
            struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**31, 4),
            f"0 bytes of images instead of {2**64}",
        ),
        (TRAIN_IMAGES, idx(np.zeros([5, 32, 30])), "the images are 32x30, not 28x28"),
        (TRAIN_IMAGES, zipped(idx(np.zeros([5, 8, 8]))), "the images are 8x8, not 28x28"),
        (TRAIN_LABELS, idx(LABELS[:4]), "holds 4 labels for the 5 images of"),
        (TRAIN_LABELS, idx([0, 1, 10, 3, 11]), "label 10 at position 2 is not in 0..9"),
        (TEST_LABELS, idx([0, 1, 255]), "label 255 at position 2 is not in 0..9"),
    ],
)
def test_a_spoilt_file_is_refused_by_name(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(
        ValueError, match=f"{re.escape(str(folder / name))}: .*{re.escape(message)}"
    ):
        datasets.mnist(folder)


def test_empty_files_are_refused(folder):
    (folder / TEST_IMAGES).write_bytes(idx(np.zeros([0, 28, 28])))
    (folder / TEST_LABELS).write_bytes(idx([]))
    with pytest.raises(ValueError, match=f"{TEST_IMAGES}: holds no images"):
        datasets.mnist(folder)


@pytest.mark.parametrize("source", ["data_dir", "MNIST_DIR"])
def test_a_given_folder_must_have_the_files(folder, cache, monkeypatch, source):
    asked = serve(monkeypatch, {})

    def load(path):
        monkeypatch.setenv("MNIST_DIR", str(path) if source == "MNIST_DIR" else "")
        return datasets.mnist(path if source == "data_dir" else None)

    check_is_tiny(load(folder))
    with pytest.raises(FileNotFoundError, match=f"{source}=.*absent' is not a folder"):
        load(folder / "absent")
    (folder / TEST_LABELS).unlink()
    names = f"{TEST_LABELS} or t10k-labels.idx1-ubyte, raw or with .gz"
    with pytest.raises(FileNotFoundError, match=f"{source}=.* holds no {re.escape(names)}"):
        load(folder)
    assert not asked  # what is given is never completed from elsewhere


# The network


def test_download_keeps_the_files_and_asks_once(cache, monkeypatch):
    files = official_is_tiny(monkeypatch)
    mirror = datasets.MNIST_MIRRORS[0]
    asked = serve(monkeypatch, {f"{mirror}{name}.gz": data for name, data in files.items()})
    check_is_tiny(datasets.mnist())
    check_is_tiny(datasets.load("mnist"))
    assert asked == [f"{mirror}{name}.gz" for name in NAMES]
    assert sorted(os.listdir(cache)) == sorted(f"{name}.gz" for name in NAMES)


@pytest.mark.parametrize(
    "reply",
    [
        zipped(b"something else"),
        b"<html>Please log in</html>",
        TimeoutError("timed out"),
        urllib.error.HTTPError("", 403, "Forbidden", None, None),  # type: ignore[arg-type]
    ],
    ids=["md5", "page", "timeout", "forbidden"],
)
def test_a_mirror_that_fails_is_followed_by_the_next(cache, monkeypatch, reply):
    files = official_is_tiny(monkeypatch)
    first, second = datasets.MNIST_MIRRORS
    replies = {f"{first}{name}.gz": reply for name in NAMES}
    replies |= {f"{second}{name}.gz": data for name, data in files.items()}
    asked = serve(monkeypatch, replies)
    check_is_tiny(datasets.mnist())
    assert len(asked) == 8


def test_wrong_bytes_are_never_kept(cache, monkeypatch):
    wrong = zipped(idx(IMAGES))
    serve(monkeypatch, {f"{mirror}{TRAIN_IMAGES}.gz": wrong for mirror in datasets.MNIST_MIRRORS})
    with pytest.raises(ConnectionError, match="no mirror gave the right file") as caught:
        datasets.mnist()
    digest = hashlib.md5(idx(IMAGES)).hexdigest()
    assert str(caught.value).count(f"md5 {digest} is not the official file's") == 2
    assert not cache.exists()


def test_without_a_network_the_error_says_so_and_what_to_do(cache):
    with pytest.raises(ConnectionError, match="there is no network") as caught:
        datasets.mnist()
    for part in (TRAIN_IMAGES, str(cache), "--data-dir", "MNIST_DIR", "'digits'", "not known"):
        assert part in str(caught.value)


def test_a_write_that_fails_leaves_nothing(cache, monkeypatch):
    files = official_is_tiny(monkeypatch)
    mirror = datasets.MNIST_MIRRORS[0]
    serve(monkeypatch, {f"{mirror}{name}.gz": data for name, data in files.items()})

    def full(source, target):
        assert Path(source).read_bytes() == files[TRAIN_IMAGES]  # whole before it has its name
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        datasets.mnist()
    assert os.listdir(cache) == []


def test_the_cache_is_in_the_home_folder_by_default(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert datasets.mnist_cache() == tmp_path / ".cache/slimlayers/mnist"


def test_the_official_mnist():
    data_dir = os.environ.get("MNIST_DIR")
    if not data_dir:
        pytest.skip("set MNIST_DIR to a folder with the four official files")
    mnist = datasets.mnist(data_dir)
    assert mnist.train_images.shape == (60000, 28, 28, 1)
    assert mnist.test_images.shape == (10000, 28, 28, 1)
    arrays = mnist.train_images, mnist.train_labels, mnist.test_images, mnist.test_labels
    for array, (name, md5) in zip(arrays, datasets.MNIST_MD5.items(), strict=True):
        content = idx(array[..., 0] if array.ndim == 4 else array)
        assert hashlib.md5(content).hexdigest() == md5, name


# Offline


def test_digits_are_split_evenly():
    digits = datasets.digits()
    assert digits.train_images.shape == (1437, 28, 28, 1)
    assert digits.test_images.shape == (360, 28, 28, 1)
    assert digits.train_labels.shape == (1437,)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int32
    assert np.bincount(digits.test_labels).tolist() == [36] * 10
    assert np.bincount(digits.train_labels).min() >= 138
    assert (digits.name, digits.num_classes) == ("digits", 10)


def test_digits_are_the_same_everywhere():
    one, two = datasets.digits(), datasets.load("digits")
    np.testing.assert_array_equal(one.train_images, two.train_images)
    np.testing.assert_array_equal(one.test_labels, two.test_labels)
    # Integer arithmetic alone made these pixels, so their sum is exact on any machine.
    assert int(one.train_images.sum(dtype=np.int64)) == 44751327
    assert int(one.test_images.sum(dtype=np.int64)) == 11200086


def test_digits_are_bright_in_a_dark_frame():
    images = datasets.digits().train_images
    assert images.max() == 255
    assert not images[:, [0, -1]].any()
    assert not images[:, :, [0, -1]].any()


def test_no_digit_is_both_learnt_and_tested():
    digits = datasets.digits()
    learnt = {image.tobytes() for image in digits.train_images}
    assert not any(image.tobytes() in learnt for image in digits.test_images)


def test_enlarging_keeps_place_and_brightness():
    flat = datasets._enlarge(np.full([1, 8, 8], 16.0))[0, :, :, 0]
    assert (flat[5:23, 5:23] == 255).all()
    np.testing.assert_array_equal(flat, flat[::-1, ::-1])
    dot = np.zeros([1, 8, 8])
    dot[0, 2, 5] = 16
    large = datasets._enlarge(dot)[0, :, :, 0].astype(float)
    # A dot of 1 covers 2.5 x 2.5 pixels; rounding moves each of the 25 by half a grey at most.
    assert large.sum() == pytest.approx(255 * 2.5**2, abs=12.5)
    rows, columns = np.indices(large.shape)
    # Pixel centre 2 lies at (2 - 3.5) * 2.5 + 13.5, centre 5 at (5 - 3.5) * 2.5 + 13.5; rounding
    # as above shifts the mean by a few hundredths of a pixel.
    assert (large * rows).sum() / large.sum() == pytest.approx(9.75, abs=0.02)
    assert (large * columns).sum() / large.sum() == pytest.approx(17.25, abs=0.02)


def test_digits_without_scikit_learn_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'slimlayers[train]'")):
        datasets.digits()


# By name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minst", "name='minst' is no known data set: 'digits' or 'mnist'. Did you mean 'mnist'?"),
        ("MNIST", "Did you mean 'mnist'?"),
        ("digit", "Did you mean 'digits'?"),
        ("cifar10", "name='cifar10' is no known data set: 'digits' or 'mnist'."),
        (None, "name=None is no known data set"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known(name, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        datasets.load(name)


def test_digits_refuse_a_folder(tmp_path):
    with pytest.raises(ValueError, match="'digits' is read from no folder; data_dir="):
        datasets.load("digits", tmp_path)


def test_load_reads_mnist_from_a_folder(folder):
    mnist = datasets.load("mnist", folder)
    check_is_tiny(mnist)
    assert repr(mnist) == (
        "Dataset('mnist': 5 training and 3 test images [28, 28, 1] of 10 classes)"
    )


def test_a_dataset_is_frozen(folder):
    with pytest.raises(AttributeError):
        datasets.mnist(folder).name = "other"  # type: ignore[misc]
