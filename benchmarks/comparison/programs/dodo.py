"""``doit -f dodo.py directory=DIRECTORY n=N``: N trivial actions, which doit runs once, and whose values it keeps."""

import os

from doit import get_var
from doit.tools import run_once

DIRECTORY = get_var("directory", "doit")
os.makedirs(DIRECTORY, exist_ok=True)
DOIT_CONFIG = {"dep_file": os.path.join(DIRECTORY, "state"), "reporter": "zero"}


def number(i):
    return {"number": i}


def task_number():
    for i in range(int(get_var("n", "10"))):
        yield {"name": str(i), "actions": [(number, [i])], "uptodate": [run_once]}
