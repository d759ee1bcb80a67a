"""Starting a program: what passes is tried again, what stays is told at once."""

import errno
import subprocess
import sys

import pytest

from causerie_conformance import starting


@pytest.fixture
def failing(monkeypatch):
    """Have the next processes fail so; returns the list of what is still to come."""
    real, errors = subprocess.Popen, []

    def popen(*args, **options):
        if errors:
            raise OSError(errors.pop(0), "no")
        return real(*args, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(starting, "_PAUSES", (0, 0))
    return errors


def test_what_passes_is_tried_again(failing):
    failing += [errno.EAGAIN, errno.EFAULT]
    process = starting.start([sys.executable, "-c", "print('hi')"], stdout=subprocess.PIPE)
    assert process.communicate()[0].strip() == b"hi"


@pytest.mark.parametrize(("errors", "left"), [([errno.ENOENT, errno.EACCES], 1), ([errno.ENOMEM] * 4, 1)])
def test_what_stays_is_told(failing, errors, left):
    failing += errors
    with pytest.raises(OSError, match="no"):
        starting.start([sys.executable])
    assert len(failing) == left
