"""Runs commands through drover, for Python 3.8 and later, in one file: copy it, or put its folder on the path.

    from drover_client import Drover

    for result in Drover().run([{"command": "gzip", "args": ["-9", "a.log"]}], jobs=4):
        print(result["state"])

Tasks and results are those of drover's docs/tasks-and-results.md.
"""

import base64
import json
import os
import re
import selectors
import subprocess

__all__ = ["Drover", "DroverError", "output_bytes"]

_STATUS_CANNOT_GO_ON = 102
_WRITE_BYTES = 65536
_STDERR_BYTES = 65536


class DroverError(Exception):
    """drover could not run the tasks: a mistake in the call or the input (status 255), or it could not go on (102).

    ``status`` is its exit status, negative for a signal, None when it was not started; ``stderr`` the end of what it said.
    """

    def __init__(self, message, status=None, stderr=""):
        super().__init__(message)
        self.status = status
        self.stderr = stderr


class Drover:
    """Where drover is.

    :param program: what starts it: a path, or a command and its first arguments, as ``["node", "bin/drover.cjs"]``. Default: the
        environment's ``DROVER``, or ``drover`` from the PATH
    """

    def __init__(self, program=None):
        program = program or os.environ.get("DROVER") or "drover"
        self._program = [program] if isinstance(program, (str, os.PathLike)) else list(program)

    def run(self, tasks, /, **options):
        """Runs tasks and gives their results as they come, or in the order of the tasks with ``keep_order=True``.

        Tasks are taken while results are given, only as drover has room for them. To leave the loop ends what runs.

        :param tasks: an iterable of lines for the shell, or of tasks as dicts; values in them may be bytes
        :param options: options of ``drover run``, with underscores: ``jobs=8, retries=2``
        :returns: a generator of results, whose state says how each went
        :raises DroverError: when drover cannot be started, refuses the call, or cannot go on
        """
        command = [*self._program, "run", "--tasks", "-", "--json", "--no-progress", *_words(options)]
        return self._results(command, tasks)

    def run_all(self, tasks, /, **options):
        """Runs tasks and gives all results at once, in the order of the tasks. Raises as :meth:`run` does."""
        return list(self.run(tasks, keep_order=True, **options))

    def _results(self, command, tasks):
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise DroverError(f"{command[0]} could not be started: {error}") from error
        stderr = bytearray()
        ended = False
        try:
            yield from _exchange(process, map(_line, tasks), stderr)
            ended = True
        finally:
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()
            if not ended:
                process.terminate()
            status = process.wait()
        if status < 0 or status >= _STATUS_CANNOT_GO_ON:
            said = stderr.decode("utf-8", "replace")
            how = f"died of signal {-status}" if status < 0 else f"ended with status {status}"
            raise DroverError(f"drover {how}: {said}".strip(), status, said)


def output_bytes(result, stream="stdout"):
    """What a task printed, as the bytes that it was. ``stream`` is ``stdout`` or ``stderr``."""
    encoded = result.get(f"{stream}Base64")
    return result[stream].encode() if encoded is None else base64.b64decode(encoded)


def _exchange(process, lines, stderr):
    """Reads and writes whatever is possible, so that neither side ever waits for the other."""
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        feeder = _Feeder(process.stdin, lines)
        received = []
        reading = 2
        while reading > 0:
            for key, _ in selector.select():
                if key.fileobj is process.stdin:
                    if not feeder.feed():
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, 65536)
                if chunk == b"":
                    selector.unregister(key.fileobj)
                    reading -= 1
                elif key.fileobj is process.stderr:
                    stderr += chunk
                    del stderr[:-_STDERR_BYTES]
                else:
                    first, *others = chunk.split(b"\n")
                    received.append(first)
                    for rest in others:
                        yield json.loads(b"".join(received))
                        received = [rest]


class _Feeder:
    def __init__(self, pipe, lines):
        self._pipe = pipe
        self._lines = lines
        self._buffer = bytearray()
        self._is_over = False

    def feed(self):
        """Writes what the pipe takes; whether there is more to be written."""
        while len(self._buffer) < _WRITE_BYTES and not self._is_over:
            line = next(self._lines, None)
            self._is_over = line is None
            self._buffer += line or b""
        try:
            if self._buffer:
                del self._buffer[: os.write(self._pipe.fileno(), self._buffer)]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return bool(self._buffer) or not self._is_over


def _line(task):
    fields = task if isinstance(task, dict) else {"command": task}
    return json.dumps(_with_bytes(fields)).encode() + b"\n"


def _with_bytes(value):
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
        # As Python reads file names and arguments that are not UTF-8.
        return {"base64": base64.b64encode(os.fsencode(value)).decode()}
    if isinstance(value, dict):
        return {name: _with_bytes(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_bytes(each) for each in value]
    return value


def _words(options):
    words = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if not re.fullmatch(r"[a-z]+(-[a-z]+)*", option) or option in ("tasks", "json", "json-array"):
            raise DroverError(f"there is no option {name} for tasks from Python")
        if value is True:
            words.append(f"--{option}")
        elif value is not False and value is not None:
            words += [f"--{option}", str(value)]
    return words
