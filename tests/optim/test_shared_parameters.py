"""What all optimizers share is described once, and appears in the help of each class."""

import inspect

import pytest
from optimizer_catalogue import EXAMPLES

import optim
from optim.interface.shared_parameters import entries

CLASSES = [name for name in EXAMPLES if inspect.isclass(getattr(optim, name))
           and not issubclass(getattr(optim, name), (optim.Wrapper, optim.chain))]


@pytest.mark.parametrize("name", CLASSES)
def test_help_describes_every_parameter_of_an_optimizer_once_and_in_order(name):
    cls = getattr(optim, name)
    section = cls.__doc__.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    parameters = list(inspect.signature(cls.__init__).parameters)[1:]
    assert list(entries(section)) == parameters, section


def test_a_class_describes_only_what_is_its_own():
    class Mine(optim.Optimizer):
        """My rule.

        Parameters
        ----------
        beta : float
            β.

        Notes
        -----
        None.
        """

        def __init__(self, params, lr=0.5, beta=0.9):
            super().__init__(params, lr=lr, beta=beta)

    assert Mine.__doc__.splitlines()[2:10] == [
        "Parameters", "----------",
        "params : iterable", "    Parameters, or dictionaries that are groups of them; see `Optimizer`.",
        "lr : float or array, default 0.5", "    Learning rate γ.",
        "beta : float", "    β."]
    assert Mine.__doc__.endswith("Notes\n-----\nNone.\n")


def test_a_docstring_without_sections_and_a_class_without_one_are_left_alone():
    class Short(optim.Optimizer):
        """Short."""

        def __init__(self, params, lr=0.5):
            super().__init__(params, lr=lr)

    class Silent(optim.Optimizer):
        def __init__(self, params, lr=0.5):
            super().__init__(params, lr=lr)

    assert Short.__doc__ == "Short." and Silent.__doc__ is None
