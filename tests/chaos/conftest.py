"""The chaos run is a program of its own, not part of the tests' package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
