"""Counts the tokens of the jobserver that MAKEFLAGS names, and leaves them there: count-tokens.py EXPECTED

Waits a few seconds for as many as expected: what was killed gives back a moment later.
"""

import os
import re
import sys
import time

expected = int(sys.argv[1])
read, write = map(int, re.search(r"--jobserver-auth=(\d+),(\d+)", os.environ["MAKEFLAGS"]).groups())
os.set_blocking(read, False)
deadline = time.monotonic() + 5
while True:
    try:
        tokens = os.read(read, 100)
    except BlockingIOError:
        tokens = b""
    os.write(write, tokens)
    if len(tokens) == expected or time.monotonic() > deadline:
        break
    time.sleep(0.01)
print(len(tokens))
