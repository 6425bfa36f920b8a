"""The same networks in both styles, and the data to train them on."""

from models import datasets, mnist, mobilenet

__all__ = ["datasets", "mnist", "mobilenet"]
