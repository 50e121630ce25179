"""Runs tasks through drover, from Python 3.8 and later on Linux and macOS. Copy this one file; drover has to be installed.

    import drover_client

    tasks = [{"id": name, "command": "gzip", "args": ["-9", name]} for name in names]
    for result in drover_client.run(tasks, jobs=4):
        print(result["id"], result["state"])

Tasks and results are those of docs/tasks-and-results.md of drover.
"""

import base64
import json
import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Mapping

__all__ = ["CallError", "DroverError", "output", "run", "run_all"]

_READ_BYTES = 65536
_KEPT_STDERR_BYTES = 65536
_IDLE_SECONDS = 0.05


class DroverError(Exception):
    """Drover could not go on, was ended, or could not be started.

    ``status`` is its exit status and ``signal`` the name of the signal that it died of; one is None, or both when it was
    not started. ``stderr`` is the end, 64 KiB at the most, of what it wrote to standard error.
    """

    def __init__(self, message, status=None, signal=None, stderr=""):
        super().__init__(message)
        self.status = status
        self.signal = signal
        self.stderr = stderr


class CallError(DroverError):
    """A mistake in the options: drover has started nothing."""


def run(
    tasks,
    *,
    program=None,
    cwd=None,
    env=None,
    on_message=None,
    jobs=None,
    timeout=None,
    total_timeout=None,
    retries=None,
    backoff=None,
    delay=None,
    halt=None,
    kill_grace=None,
    leftovers=None,
    launcher=None,
    journal=None,
    results=None,
    fsync=None,
    resume=False,
    retry_failed=False,
    accept_changes=False,
    keep_order=False,
    strict=False,
    max_line=None,
    max_output=None,
    tmpdir=None,
    quiet=False,
    verbose=False
):
    """Gives an iterator over the results of tasks, each a dict, as they come. Drover is started with the first ``next()``.

    When the iteration is left early and the iterator is closed (``close()``, ``contextlib.closing``, or when nothing refers
    to it any more), drover and all that it runs is ended before that returns.

    :param tasks: any iterable. It is asked for one task at a time, in the thread of the consumer, while there is no result
        to give and drover takes more. A task is a dict; a string, which is a line for the shell; or a list of a program and
        its arguments. None says that there is none at the moment: it is asked again after the next result, or 50 ms.
    :param program: the drover program, or a list with arguments that go before all others, as
        ``["node", "/opt/drover/bin/drover.cjs"]``. Default: the environment variable DROVER, or ``drover`` from the PATH.
    :param cwd: the directory in which drover is started, and the tasks that have none of their own.
    :param env: differences to this process's environment; None removes a variable.
    :param on_message: called with each piece (bytes) that drover writes to standard error.
    :param keep_order: results in the order of the tasks.

    The other parameters are the options of ``drover run`` of these names: durations are seconds, or texts such as
    ``"500ms"``; sizes are bytes, or texts such as ``"16MiB"``.

    :raises CallError: (in the iteration) for options that drover refuses.
    :raises DroverError: (in the iteration) when it cannot be started, or has not run to its end; not for tasks that fail.
    :raises TypeError: for an option or (in the iteration) a task that can be none.
    :raises ValueError: (in the iteration) for a task that cannot be written as JSON.
    """
    values = {
        "jobs": jobs,
        "timeout": timeout,
        "total_timeout": total_timeout,
        "retries": retries,
        "backoff": backoff,
        "delay": delay,
        "halt": halt,
        "kill_grace": kill_grace,
        "leftovers": leftovers,
        "launcher": launcher,
        "journal": journal,
        "results": results,
        "fsync": fsync,
        "max_line": max_line,
        "max_output": max_output,
        "tmpdir": tmpdir,
    }
    switches = {
        "resume": resume,
        "retry_failed": retry_failed,
        "accept_changes": accept_changes,
        "keep_order": keep_order,
        "strict": strict,
        "quiet": quiet,
        "verbose": verbose,
    }
    command = _program(program) + ["run", "--tasks=-", "--json"] + _flags(values, switches)
    if isinstance(tasks, (str, bytes, Mapping)):
        raise TypeError("tasks must be an iterable of tasks, not one task")
    if on_message is not None and not callable(on_message):
        raise TypeError("on_message must be a function")
    is_complete = halt is None and not resume and not retry_failed
    return _results(iter(tasks), command, cwd, _environment(env), on_message, is_complete)


def run_all(tasks, **options):
    """All results in a list, in the order of the tasks. Takes the options of :func:`run`, and raises what that does."""
    return sorted(run(tasks, **options), key=lambda result: result["index"])


def output(result, stream="stdout"):
    """What a task has written to ``stdout`` or ``stderr``, as bytes."""
    encoded = result.get(stream + "Base64")
    return result[stream].encode() if encoded is None else base64.b64decode(encoded)


def _program(program):
    if program is None:
        program = os.environ.get("DROVER") or "drover"
    parts = [program] if isinstance(program, (str, os.PathLike)) else list(program)
    if not parts or not all(isinstance(part, (str, os.PathLike)) for part in parts):
        raise TypeError("program must be a path, or a list of a path and arguments")
    return [os.fspath(part) for part in parts]


def _flags(values, switches):
    flags = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise TypeError("%s must be a string or a number, not %r" % (name, value))
        flags.append("--%s=%s" % (name.replace("_", "-"), value))
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise TypeError("%s must be True or False, not %r" % (name, value))
        if value:
            flags.append("--" + name.replace("_", "-"))
    return flags


def _environment(differences):
    if differences is None:
        return None
    environment = dict(os.environ)
    for name, value in differences.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _results(tasks, command, cwd, environment, on_message, is_complete):
    found = shutil.which(command[0], path=None if environment is None else environment.get("PATH"))
    if found is None:
        raise DroverError(
            "there is no program %s; install drover, or say by the option program or the variable DROVER where it is"
            % command[0]
        )
    pipe = subprocess.PIPE
    try:
        # A relative path is meant from here, wherever drover is to be started.
        process = subprocess.Popen(
            [os.path.abspath(found)] + command[1:],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            cwd=cwd,
            env=environment,
        )
    except OSError as error:
        raise DroverError("cannot start %s: %s" % (command[0], error)) from error
    conversation = _Conversation(process, tasks, on_message, is_complete)
    try:
        yield from conversation.results()
    finally:
        conversation.end()


class _Conversation:
    """Writes tasks while it reads results, waiting for neither alone."""

    def __init__(self, process, tasks, on_message, is_complete):
        # Whether every task has a result when drover says that all is well.
        self._is_complete = is_complete
        self._given = self._got = 0
        self._process = process
        self._tasks = tasks
        self._on_message = on_message
        self._selector = selectors.DefaultSelector()
        # What is being written.
        self._rest = memoryview(b"")
        self._stderr = b""
        # The line that is being read.
        self._pieces = []
        os.set_blocking(process.stdin.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ)
        self._selector.register(process.stderr, selectors.EVENT_READ)
        self._selector.register(process.stdin, selectors.EVENT_WRITE)
        self._is_idle = False

    def results(self):
        streams = {self._process.stdout, self._process.stderr}
        while streams:
            ready = {key.fileobj for key, _ in self._selector.select(_IDLE_SECONDS if self._is_idle else None)}
            lines = []
            for stream in ready & streams:
                chunk = os.read(stream.fileno(), _READ_BYTES)
                if not chunk:
                    self._selector.unregister(stream)
                    streams.remove(stream)
                elif stream is self._process.stdout:
                    lines = self._cut(chunk)
                else:
                    self._keep(chunk)
            for line in lines:
                yield self._parse(line)
            if self._is_idle and (lines or not ready):
                self._resume()
            elif self._process.stdin in ready and not lines:
                self._write()
        self._process.stdin.close()
        self._check(self._process.wait())

    def end(self):
        """Ends drover, unless it has ended, and with it all that it runs."""
        process = self._process
        self._selector.close()
        self._rest = memoryview(b"")
        try:
            if process.poll() is None:
                process.terminate()
            process.stdin.close()
            # It may have something to print before it ends.
            with selectors.DefaultSelector() as selector:
                for stream in (process.stdout, process.stderr):
                    selector.register(stream, selectors.EVENT_READ)
                while selector.get_map():
                    for key, _ in selector.select():
                        if not os.read(key.fd, _READ_BYTES):
                            selector.unregister(key.fileobj)
            process.wait()
        finally:
            process.stdout.close()
            process.stderr.close()

    def _write(self):
        if not len(self._rest) and not self._next():
            return
        try:
            self._rest = self._rest[os.write(self._process.stdin.fileno(), self._rest):]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            # It wants no more, as when it was halted.
            self._close_input()

    def _next(self):
        """Whether there is another task to write."""
        try:
            task = next(self._tasks)
        except StopIteration:
            self._close_input()
            return False
        if task is None:
            self._selector.unregister(self._process.stdin)
            self._is_idle = True
            return False
        self._rest = memoryview(_line_of(task))
        self._given += 1
        return True

    def _resume(self):
        self._is_idle = False
        self._selector.register(self._process.stdin, selectors.EVENT_WRITE)

    def _close_input(self):
        self._rest = memoryview(b"")
        self._selector.unregister(self._process.stdin)
        self._process.stdin.close()

    def _cut(self, chunk):
        """The lines that have ended with this."""
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join(self._pieces) + ended[0]
            self._pieces = []
        if rest:
            self._pieces.append(rest)
        return ended

    def _keep(self, chunk):
        self._stderr = (self._stderr + chunk)[-_KEPT_STDERR_BYTES:]
        if self._on_message is not None:
            self._on_message(chunk)

    def _parse(self, line):
        self._got += 1
        try:
            return json.loads(line.decode())
        except ValueError as error:
            raise DroverError("drover printed what is no result: %r" % line[:200], stderr=self._text()) from error

    def _check(self, status):
        stderr = self._text()
        said = stderr.strip()[-2000:] or "it said nothing"
        if status == 0 and self._is_complete and self._got < self._given:
            message = "drover gave %d results for %d tasks; is %s drover? %s"
            raise DroverError(message % (self._got, self._given, self._process.args[0], said), status, None, stderr)
        if 0 <= status <= 101:
            return
        if status < 0:
            name = signal.Signals(-status).name
            raise DroverError("drover was ended by %s: %s" % (name, said), None, name, stderr)
        kind = CallError if status == 255 else DroverError
        raise kind("drover ended with exit status %d: %s" % (status, said), status, None, stderr)

    def _text(self):
        return self._stderr.decode("utf-8", "replace")


def _line_of(task):
    """A task as a line of JSON."""
    if isinstance(task, (str, bytes)):
        fields = {"command": _text(task)}
    elif isinstance(task, (list, tuple)) and task:
        fields = {"command": _text(task[0]), "args": [_text(part) for part in task[1:]]}
    elif isinstance(task, Mapping):
        fields = {name: _field(name, value) for name, value in task.items()}
    else:
        raise TypeError(
            "a task is a dict, a string for the shell, or a list of a program and its arguments, not %r" % (task,)
        )
    return (json.dumps(fields, allow_nan=False, separators=(",", ":")) + "\n").encode()


def _field(name, value):
    if name in ("command", "cmd", "stdin"):
        return _text(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if name == "args" and isinstance(value, (list, tuple)):
        return [_text(part) for part in value]
    if name == "env" and isinstance(value, Mapping):
        return {key: _text(part) for key, part in value.items()}
    return value


def _text(value):
    """A string as it is, bytes in the form that drover has for what is no UTF-8."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        try:
            value.encode()
            return value
        except UnicodeEncodeError:
            # As Python gives file names that are no UTF-8.
            value = os.fsencode(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value)
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    return value
