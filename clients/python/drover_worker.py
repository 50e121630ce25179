"""The worker's side of drover's process pools, for Python 3.8 and later. Copy this one file.

    import drover_worker

    def handle(request):
        return request.upper()

    drover_worker.serve(handle)

It speaks the protocols ``frames``, ``process-pool`` and ``lines``, see docs/protocol.md of drover.
"""

import collections
import errno
import io
import json
import os
import re
import select
import struct
import sys
import threading
import traceback

__all__ = ["serve", "cancelled"]

_READ_BYTES = 1 << 18

_worker = None


def serve(handle, exit=None, *, protocol="auto"):
    """Answers requests from standard input until the pool asks this process to exit or its input ends, then exits.

    What is printed, by ``print`` or to ``sys.stdout``, ``sys.stdout.buffer`` or ``sys.stderr``, comes to the pool as the
    output of the request. From this call on nothing else writes to the protocol: descriptor 1 leads to standard error,
    and descriptor 0 to the null device, for this process and for the programs that it starts. Print nothing before it.

    :param handle: called with each request. What it returns is the answer; what it raises is told to who asked, and the
        worker goes on. ``SystemExit`` and ``KeyboardInterrupt`` end the worker.
    :param exit: called once before the worker exits because it was asked to, when all requests are answered.
    :param protocol: ``auto`` tells ``frames`` and ``process-pool`` apart; ``lines`` has to be asked for.
    :raises TypeError: when handle or exit is no function.
    :raises ValueError: for a protocol that there is not.
    :raises RuntimeError: when it is called a second time.
    """
    global _worker
    if not callable(handle):
        raise TypeError("serve(): handle must be a function that takes a request")
    if exit is not None and not callable(exit):
        raise TypeError("serve(): exit must be a function")
    if protocol not in ("auto", "frames", "lines", "process-pool"):
        raise ValueError("serve(): protocol must be auto, frames, lines or process-pool, not %r" % (protocol,))
    if _worker is not None:
        raise RuntimeError("serve() was called before; a worker serves once")
    _worker = _Worker(handle, exit, protocol)
    _worker.run()


def cancelled():
    """Whether nobody waits any more for the answer to the request that is being handled.

    A handler that takes long, asks now and then (in the thread in which it was called), and gives up, saves its worker from
    being ended. Only the protocol ``frames`` tells.
    """
    return _worker is not None and _worker.is_cancelled()


class _ProtocolError(Exception):
    """What came is against the protocol."""


class AbortError(Exception):
    """Nobody waits for the answer any more."""


class _Worker:
    def __init__(self, handle, exit, protocol):
        self._handle = handle
        self._exit = exit
        self._side = None
        self._pid = os.getpid()
        self._has_ended = False
        self._waiting = collections.OrderedDict()
        self._handled = 0
        self._is_cancelled = False
        # Held where it matters which request is handled; also by what prints in other threads.
        self._lock = threading.RLock()
        self.wire = _Wire()
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout = _printed_stream(self, 1, "surrogateescape")
        sys.stderr = _printed_stream(self, 2, "backslashreplace")
        self._printing = (sys.stdout, sys.stderr)
        if protocol != "auto":
            self._side = self._make_side(protocol)

    def run(self):
        try:
            self._answer_requests()
            self._leave()
        except _ProtocolError as error:
            self._give_up("drover worker: %s" % error)
        finally:
            # What ends this process is told by descriptor 2 itself.
            self._flush()
            sys.stdout, sys.stderr = self._streams
        sys.exit(0)

    def is_cancelled(self):
        if self._handled == 0 or self._is_forked():
            return False
        self._read_what_is_there()
        return self._is_cancelled

    def add(self, id, request):
        """A request has come."""
        self._waiting[id] = request

    def cancel(self, id):
        """Nobody waits for this answer any more."""
        if id == self._handled:
            self._is_cancelled = True
        elif self._waiting.pop(id, self) is not self:
            self._side.fail(id, AbortError("nobody waits for the answer any more"))

    def end(self):
        """The pool has asked for the exit."""
        self._has_ended = True

    def on_printed(self, stream, data):
        if self._side is None or self._is_forked():
            self.wire.complain(data)
            return
        with self._lock:
            self._side.printed(self._handled, stream, data)

    def die(self, error):
        """Ends this process for what the handler raised, as is done where errors cannot be told otherwise."""
        self._give_up("".join(_format(error)).rstrip("\n"))

    def _answer_requests(self):
        while True:
            self._read_what_is_there()
            if self._waiting:
                self._handle_next()
            elif self._has_ended or self.wire.is_broken:
                return
            else:
                self._read()

    def _read_what_is_there(self):
        while not self._has_ended and self.wire.has_input():
            self._read()

    def _read(self):
        chunk = self.wire.read(_READ_BYTES)
        if not chunk:
            self._has_ended = True
            if self._side is not None:
                self._side.on_end()
            return
        if self._side is None:
            # Frames begin with a length below 2^24, and so with a 0; the other protocol with a digit.
            self._side = self._make_side("frames" if chunk[0] == 0 else "process-pool")
        self._side.read(chunk)

    def _make_side(self, protocol):
        if protocol == "frames":
            return _FramesSide(self)
        return _LinesSide(self) if protocol == "lines" else _ProcessPoolSide(self)

    def _handle_next(self):
        id, request = self._waiting.popitem(last=False)
        if self.wire.is_broken:
            return
        self._handled = id
        self._is_cancelled = False
        value = thrown = None
        try:
            value = self._handle(request)
        except (SystemExit, KeyboardInterrupt) as error:
            self._end_by(error)
            raise
        except BaseException as error:  # pylint: disable=broad-except
            thrown = error
        del request
        if self._is_forked():
            # A child of the handler's has come back from it; the parent goes on to serve.
            os._exit(0 if thrown is None else 1)
        self._flush()
        with self._lock:
            # A handler of a signal may print at any time, and nothing may be printed for a request that is answered.
            self._handled = 0
            if thrown is None:
                try:
                    self._side.answer(id, value)
                except Exception as error:  # pylint: disable=broad-except
                    thrown = error
            if thrown is not None:
                self._side.fail(id, thrown)

    def _end_by(self, error):
        if not self._is_forked():
            self._flush()
            reason = "drover worker: the handler ended this process by %s(%s)\n" % (type(error).__name__, error)
            self.on_printed(2, reason.encode("utf-8", "backslashreplace"))

    def _leave(self):
        if self._side is None:
            self._side = self._make_side("frames")
        try:
            if self._exit is not None:
                self._exit()
            self._flush()
            self._side.on_leave()
        except Exception as error:  # pylint: disable=broad-except
            self.die(error)

    def _give_up(self, reason):
        self._handled = 0
        self.wire.complain((reason + "\n").encode("utf-8", "backslashreplace"))
        sys.exit(1)

    def _flush(self):
        for stream in (sys.stdout, sys.stderr) + self._printing:
            try:
                stream.flush()
            except Exception:  # pylint: disable=broad-except
                # A handler may have put something else there.
                pass

    def _is_forked(self):
        return os.getpid() != self._pid


class _Wire:
    """The pipes of the protocol, taken away from everybody else."""

    def __init__(self):
        self.is_broken = False
        self._lock = threading.RLock()
        self._pending = collections.deque()
        self._is_writing = False
        self._input = os.dup(0)
        self._output = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)

    def read(self, size):
        """Waits until something has come; nothing is the end."""
        while True:
            try:
                return os.read(self._input, size)
            except BlockingIOError:
                _wait(self._input, False, None)
            except OSError:
                return b""

    def has_input(self):
        """Whether there is something to read, or the end."""
        return _wait(self._input, False, 0)

    def write(self, *pieces):
        """Writes all of it before it returns: a process may end at any time afterwards."""
        with self._lock:
            self._pending.extend(pieces)
            # A handler of a signal may print while this thread is writing: that goes behind what was begun.
            if self._is_writing:
                return
            self._is_writing = True
            try:
                while self._pending:
                    self._write_all(self._pending.popleft())
            finally:
                self._is_writing = False

    def complain(self, data):
        """Writes to standard error itself."""
        try:
            while data:
                data = data[os.write(2, data):]
        except OSError:
            pass

    def _write_all(self, data):
        rest = memoryview(data)
        while len(rest) > 0 and not self.is_broken:
            try:
                rest = rest[os.write(self._output, rest):]
            except BlockingIOError:
                _wait(self._output, True, None)
            except OSError:
                # Nobody reads any more: there is nothing left to do for anyone.
                self.is_broken = True


def _wait(descriptor, for_writing, timeout_ms):
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if for_writing else select.POLLIN)
    return bool(poll.poll(timeout_ms))


class _PrintedBytes(io.BufferedIOBase):
    """The buffer of sys.stdout or sys.stderr: what is written is told at once."""

    def __init__(self, worker, stream):
        super().__init__()
        self._worker = worker
        self._stream = stream

    def writable(self):
        return True

    def fileno(self):
        return self._stream

    def write(self, data):
        data = bytes(data)
        if data:
            self._worker.on_printed(self._stream, data)
        return len(data)

    def close(self):
        # Whoever wraps it may be thrown away.
        pass


def _printed_stream(worker, stream, errors):
    printed = _PrintedBytes(worker, stream)
    return io.TextIOWrapper(printed, encoding="utf-8", errors=errors, newline="\n", line_buffering=True)


class _Gathered:
    """Bytes that come in pieces, put together once."""

    def __init__(self):
        self._pieces = []
        self.length = 0

    def append(self, piece):
        if piece:
            self._pieces.append(piece)
            self.length += len(piece)

    def take(self):
        everything = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces = []
        self.length = 0
        return everything


class _FramesSide:
    _VERSION = 1
    _HEADER = struct.Struct(">IBI")
    _COUNTED_HEADER_BYTES = 5
    _READY, _RESULT, _ERROR, _OUTPUT, _PONG = 1, 2, 3, 4, 5
    _HELLO, _REQUEST, _CANCEL, _PING, _EXIT = 16, 17, 18, 19, 20

    def __init__(self, worker):
        self._worker = worker
        self._header = b""
        self._payload = _Gathered()
        # Bytes of the payload that is being read; None while its header is.
        self._wanted = None
        self._type = self._id = 0

    def read(self, chunk):
        at = 0
        while at < len(chunk):
            if self._wanted is None:
                piece = chunk[at:at + self._HEADER.size - len(self._header)]
                self._header += piece
                if len(self._header) == self._HEADER.size:
                    self._read_header()
            else:
                piece = chunk[at:at + self._wanted - self._payload.length]
                self._payload.append(piece)
            at += len(piece)
            if self._wanted is not None and self._payload.length == self._wanted:
                self._wanted = None
                self._handle(self._payload.take())

    def on_end(self):
        pass

    def answer(self, id, value):
        codec, body = _encode(value)
        self._send(self._RESULT, id, bytes([codec]), body)

    def fail(self, id, error):
        self._send(self._ERROR, id, b"", json.dumps(_error_fields(error)).encode())

    def printed(self, id, stream, data):
        self._send(self._OUTPUT, id, bytes([stream]), data)

    def on_leave(self):
        pass

    def _read_header(self):
        length, self._type, self._id = self._HEADER.unpack(self._header)
        self._header = b""
        if length < self._COUNTED_HEADER_BYTES or not self._HELLO <= self._type <= self._EXIT:
            raise _ProtocolError("what came from the pool is no frame")
        self._wanted = length - self._COUNTED_HEADER_BYTES

    def _handle(self, payload):
        if self._type == self._HELLO:
            self._greet(payload)
        elif self._type == self._REQUEST:
            try:
                request = _decode(payload)
            except Exception as error:  # pylint: disable=broad-except
                self.fail(self._id, error)
                return
            self._worker.add(self._id, request)
        elif self._type == self._CANCEL:
            self._worker.cancel(self._id)
        elif self._type == self._PING:
            self._send(self._PONG, self._id)
        else:
            self._worker.end()

    def _greet(self, payload):
        version = json.loads(payload).get("protocol")
        if version != self._VERSION:
            message = "this worker speaks version %d of the protocol, and the pool %r" % (self._VERSION, version)
            self.fail(0, _ProtocolError(message))
            raise _ProtocolError(message)
        ready = {"protocol": self._VERSION, "codecs": [], "concurrency": 1}
        self._send(self._READY, 0, b"", json.dumps(ready).encode())

    def _send(self, type, id, tag=b"", body=b""):
        """The tag and the body are the payload."""
        length = self._COUNTED_HEADER_BYTES + len(tag) + len(body)
        if length > 0xFFFFFFFF:
            raise OverflowError("an answer of %d bytes is too long for a frame" % length)
        begin = self._HEADER.pack(length, type, id) + tag
        if len(body) < 65536:
            self._worker.wire.write(begin + body)
        else:
            self._worker.wire.write(begin, body)


_NONE, _JSON, _TEXT, _BYTES = 0, 1, 2, 3


def _encode(value):
    """A value as frames carry it: the codec, and the rest."""
    if value is None:
        return _NONE, b""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _BYTES, bytes(value)
    if isinstance(value, str):
        try:
            return _TEXT, value.encode()
        except UnicodeEncodeError:
            # Half a surrogate pair has no UTF-8, but an escape in JSON.
            return _JSON, json.dumps(value).encode()
    return _JSON, _json(value)


def _json(value):
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _decode(payload):
    codec = payload[0] if payload else -1
    if codec == _NONE:
        return None
    if codec == _JSON:
        return json.loads(payload[1:].decode())
    if codec == _TEXT:
        return payload[1:].decode()
    if codec == _BYTES:
        return payload[1:]
    raise _ProtocolError("there is no codec %d" % codec)


def _text_or_bytes(data):
    """For protocols that do not tell the two apart."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _bytes_of(value):
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else _json(value)


def _format(error):
    return traceback.format_exception(type(error), error, error.__traceback__)


def _error_fields(error):
    """What was raised, as JSON can carry it."""
    fields = {"name": type(error).__name__}
    try:
        fields["message"] = str(error)
        fields["stack"] = "".join(_format(error))
    except Exception:  # pylint: disable=broad-except
        fields.setdefault("message", "")
    code = getattr(error, "code", None)
    if code is None and isinstance(error, OSError) and error.errno is not None:
        code = errno.errorcode.get(error.errno, error.errno)
    if isinstance(code, (str, int)):
        fields["code"] = str(code)
    try:
        data = {name: value for name, value in vars(error).items() if name != "code"}
        if data:
            fields["data"] = json.loads(_json(data))
    except Exception:  # pylint: disable=broad-except
        pass
    return fields


class _ProcessPoolSide:
    """An answer is what the handler printed, followed by what it returned.

    What it raises goes to standard error and ends the worker, which is how a worker of this protocol tells that it failed.
    """

    def __init__(self, worker):
        self._worker = worker
        self._input = _Gathered()
        self._printed = _Gathered()
        self._wanted = None
        self._last_id = 0
        self._is_leaving = False

    def read(self, chunk):
        at = 0
        while at < len(chunk) and not self._is_leaving:
            if self._wanted is None:
                end = chunk.find(b"\n", at)
                self._input.append(chunk[at:len(chunk) if end == -1 else end])
                if end == -1:
                    return
                at = end + 1
                self._read_head(self._input.take())
            else:
                piece = chunk[at:at + self._wanted - self._input.length]
                self._input.append(piece)
                at += len(piece)
            if self._wanted is not None and self._input.length == self._wanted:
                self._wanted = None
                self._last_id += 1
                self._worker.add(self._last_id, _text_or_bytes(self._input.take()))

    def on_end(self):
        pass

    def answer(self, id, value):
        self._printed.append(_bytes_of(value))
        self._tell()

    def fail(self, id, error):
        self._worker.die(error)

    def printed(self, id, stream, data):
        if stream == 1:
            self._printed.append(data)
        else:
            self._worker.wire.complain(data)

    def on_leave(self):
        if self._printed.length > 0:
            self._tell()

    def _read_head(self, head):
        if head == b"0;":
            self._is_leaving = True
            self._worker.end()
        elif re.fullmatch(rb"1;[0-9]+", head):
            self._wanted = int(head[2:])
        else:
            raise _ProtocolError('expected "1;<bytes>" or "0;" from the pool, not %r' % head[:80])

    def _tell(self):
        data = self._printed.take()
        self._worker.wire.write(b"%d;" % len(data), data)


class _LinesSide:
    """A handler gets a line and returns one.

    What it prints goes to standard error, since nothing but answers may be printed; and so does what it raises, with an
    empty line for an answer.
    """

    def __init__(self, worker):
        self._worker = worker
        self._line = _Gathered()
        self._last_id = 0

    def read(self, chunk):
        lines = chunk.split(b"\n")
        for line in lines[:-1]:
            self._line.append(line)
            self._last_id += 1
            self._worker.add(self._last_id, _text_or_bytes(self._line.take()))
        self._line.append(lines[-1])

    def on_end(self):
        if self._line.length > 0:
            self.read(b"\n")

    def answer(self, id, value):
        self._worker.wire.write(_bytes_of(value).replace(b"\n", b" ") + b"\n")

    def fail(self, id, error):
        self._worker.wire.complain("".join(_format(error)).encode("utf-8", "backslashreplace"))
        self._worker.wire.write(b"\n")

    def printed(self, id, stream, data):
        self._worker.wire.complain(data)

    def on_leave(self):
        pass
