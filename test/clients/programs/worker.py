"""Does what a request says: {"act": …}. Everything else comes back as it is. programs/worker.php does the same."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

FILE = pathlib.Path(os.environ.get("WORKER_FILE") or pathlib.Path(__file__).parents[3] / "clients/python/drover_worker.py")
sys.dont_write_bytecode = True
sys.path.insert(0, str(FILE.parent))

import drover_worker  # noqa: E402

handled = 0


class TooFar(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.code = 42
        self.limit = 7


def everyWay(_):
    print("a", end="")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"b")
    sys.stdout.write("c")
    print("d", end="")
    return True


def print_(request):
    print(request["out"])
    print(request["err"], file=sys.stderr)
    return request["value"]


def printMany(request):
    for _ in range(request["lines"]):
        print("x" * 99)
    return "printed"


def throw(_):
    print("tried", end="")
    raise TooFar("too far")


def throwBytes(_):
    raise RuntimeError("bad \udcff byte")


def exit_(request):
    print("oh no", file=sys.stderr)
    sys.exit(request["code"])


def fatal(_):
    print("Fatal: no memory at all", file=sys.stderr)
    os._exit(255)


def child(_):
    return subprocess.call(["sh", "-c", "cat; echo past Python"])


def fork(_):
    pid = os.fork()
    if pid == 0:
        print("in the child")
        return "of the child"
    os.waitpid(pid, 0)
    return "of the parent"


def heedSignals(_):
    signal.signal(signal.SIGUSR1, lambda *_: print("signal" * 20000))
    return os.getpid()


def untilCancelled(request):
    pathlib.Path(request["file"]).write_text("begun")
    while not drover_worker.cancelled():
        time.sleep(0.001)
    raise RuntimeError("gave up")


def warn(_):
    import warnings

    warnings.warn("careful")
    return True


ACTS = {
    "print": print_,
    "printMany": printMany,
    "everyWay": everyWay,
    "bytes": lambda _: b"\xff\x00\xfe",
    "many": lambda request: "m" * request["size"],
    "throw": throw,
    "throwBytes": throwBytes,
    "unsendable": lambda _: [float("nan")],
    "exit": exit_,
    "fatal": fatal,
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "child": child,
    "fork": fork,
    "heedSignals": heedSignals,
    "untilCancelled": untilCancelled,
    "pid": lambda _: os.getpid(),
    "handled": lambda _: handled,
    "warn": warn,
}


def handle(request):
    global handled
    handled += 1
    if isinstance(request, str) and request.startswith('{"act"'):
        request = json.loads(request)
    act = request.get("act") if isinstance(request, dict) else None
    return ACTS[act](request) if act in ACTS else request


def goodbye():
    print("goodbye after", handled)
    if os.environ.get("WORKER_EXIT") == "throws":
        raise RuntimeError("no goodbye")


drover_worker.serve(handle, goodbye, protocol=os.environ.get("WORKER_PROTOCOL") or "auto")
