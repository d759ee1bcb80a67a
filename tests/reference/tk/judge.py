"""Judge `causerie-gui`, through its real window, with the client role of the suite: ``python judge.py [options]``."""

import shlex
import subprocess
import sys
from pathlib import Path

from display import missing

ADAPTER = Path(__file__).with_name("adapter.py")


def main():
    why = missing()
    if why:
        sys.exit(f"judge.py: {why}: on Debian, apt-get install xvfb xdotool python3-tk")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(ADAPTER))} {{host}} {{port}} {{handle}} {{state}}"
    words = ["--password", "--password-file {password_file}", "--tls", "--ca-file {ca_file}", "--command", command]
    sys.exit(subprocess.run(["causerie-conformance", "client", *words, *sys.argv[1:]], check=False).returncode)


if __name__ == "__main__":
    main()
