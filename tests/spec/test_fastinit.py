"""The quicker ``__init__`` does what the one of dataclasses does."""

import dataclasses
import inspect

import pytest

from causerie_spec.fastinit import fast_init
from causerie_spec.messages import MESSAGES


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    pass


Slow, Point.__init__ = Point.__init__, fast_init(Point)
Nothing.__init__ = fast_init(Nothing)


def test_fields_are_set_by_place_and_by_name():
    assert dataclasses.astuple(Point(1, 2)) == dataclasses.astuple(Point(y=2, x=1)) == (1, 2)
    assert Nothing() == Nothing()


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2, 3)])
def test_a_wrong_number_of_fields_is_an_error(arguments):
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        Point(*arguments)


def test_an_unknown_field_is_an_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1, 2, z=3)


def test_instances_stay_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(1, 2).x = 3


def test_the_signature_stays():
    assert inspect.signature(Point.__init__) == inspect.signature(Slow)


@pytest.mark.parametrize("cls", MESSAGES.values(), ids=lambda cls: cls.NAME)
def test_every_frame_has_it(cls):
    assert cls.__init__.__wrapped__
    names = [field.name for field in dataclasses.fields(cls)]
    assert dataclasses.astuple(cls(*names)) == tuple(names)
