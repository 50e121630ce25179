"""The same as worker.php."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "clients" / "python"))
sys.dont_write_bytecode = True
import drover_worker  # noqa: E402


def handle(request):
    act = request["act"] if isinstance(request, dict) else request
    if act == "print":
        print("printed", end=" ")
        sys.stdout.write("twice\n")
        print("complained", file=sys.stderr)
        subprocess.run(["echo", "from a program"], check=True)
        return "value"
    if act == "throw":
        print("tried", end="")
        error = LookupError("as it was told")
        error.code = 42
        raise error
    if act == "exit":
        print("on purpose", file=sys.stderr)
        sys.exit(7)
    if act == "fatal":
        os.abort()
    if act == "type":
        return type(request["value"]).__name__
    if act == "pid":
        return os.getpid()
    return request["echo"] if isinstance(request, dict) and "echo" in request else request


drover_worker.serve(handle, lambda: print("goodbye", end=""), sys.argv[1] if len(sys.argv) > 1 else "auto")
