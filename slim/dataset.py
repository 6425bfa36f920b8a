"""The description of a data set: where it is, how many samples, what they hold."""

from typing import Any

__all__ = ["Dataset"]


class Dataset:
    """A record of what was given, as attributes.

    Args:
      data_sources: the files.
      reader: what reads a file; in TensorFlow the class of a graph's reader.
      decoder: what makes a sample of a record.
      num_samples: how many samples there are.
      items_to_descriptions: what the items of a sample are, by name.
      kwargs: more attributes, such as `num_classes`.

    Source: `slim.dataset.Dataset`.

    >>> flowers = slim.dataset.Dataset(['flowers.npz'], np.load, None, 3670, {}, num_classes=5)
    >>> flowers.num_samples, flowers.num_classes
    (3670, 5)
    """

    def __init__(
        self,
        data_sources: Any,
        reader: Any,
        decoder: Any,
        num_samples: int,
        items_to_descriptions: Any,
        **kwargs: Any,
    ):
        self.data_sources = data_sources
        self.reader = reader
        self.decoder = decoder
        self.num_samples = num_samples
        self.items_to_descriptions = items_to_descriptions
        vars(self).update(kwargs)

    def __getattr__(self, name: str) -> Any:
        """Say which attributes there are; type checkers learn that any may be."""
        raise AttributeError(f"the data set has no {name!r}; it has {', '.join(vars(self))}.")
