"""What help() shows of signatures, which are also what arguments are checked by."""

import inspect
import pydoc

import pytest

import minigrad
from minigrad import nn

PUBLIC = {f"{space.__name__}.{name}": thing for space in (minigrad, nn, nn.functional, nn.init)
          for name, thing in vars(space).items() if callable(thing) and name[0] != "_"}


@pytest.mark.parametrize("name", PUBLIC)
def test_help_shows_types_and_nothing_of_the_checks(name):
    thing = PUBLIC[name]
    is_module = inspect.isclass(thing) and issubclass(thing, nn.Module)
    methods = [thing.__init__, thing.forward] if is_module else []
    shown = "".join(str(inspect.signature(function)) for function in [thing, *methods])
    assert not [word for word in ("Annotated", "ForwardRef", "Union[", "Literal[", " at 0x") if word in shown], shown


@pytest.mark.parametrize("layer", [nn.Linear, nn.LSTMCell, nn.RNN, nn.AvgPool2d, nn.Sequential, nn.ModuleList])
def test_a_module_has_the_signature_of_its_init_also_where_new_is_looked_at_first(layer):
    own = inspect.signature(layer.function if hasattr(layer, "function") else layer.__init__)
    assert list(layer.__signature__.parameters) == list(own.parameters)[1:] == list(inspect.signature(layer).parameters)


def test_help_of_a_loss_can_be_read():
    text = " ".join(pydoc.plain(pydoc.render_doc(nn.cross_entropy)).split()).replace("( ", "(")  # 3.13 breaks lines
    assert ("cross_entropy(input: array_like, target: array_like, weight: array_like | None = None, *, "
            "ignore_index: int = -100, reduction: 'mean' | 'sum' | 'none' = 'mean', label_smoothing: float") in text


@pytest.mark.parametrize("call", [
    lambda: nn.CrossEntropyLoss(ignore_index="none"), lambda: nn.NLLLoss(ignore_index=0.5),
    lambda: nn.Embedding(3, 2, padding_idx=1.5),
])
def test_an_index_is_called_a_whole_number_and_not_an_axis(call):
    with pytest.raises(TypeError, match="(ignore_index|padding_idx) must be a whole number, such as 2; got"):
        call()
