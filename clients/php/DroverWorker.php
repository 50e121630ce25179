<?php

/**
 * The worker's side of drover's process pools, for PHP 7.4 to 8.4 on the command line. Copy this one file.
 *
 *     require __DIR__ . '/DroverWorker.php';
 *
 *     Drover\serve(['handle' => function ($request) {
 *         return strtoupper($request);
 *     }]);
 *
 * It speaks the protocols `frames`, `process-pool` and `lines`, see docs/protocol.md of drover.
 */

declare(strict_types=1);

namespace Drover;

/**
 * Answers requests from standard input until the pool asks this process to exit or its input ends, then exits. What is
 * printed by `echo` and the like, also in nested functions, comes to the pool as the output of the request.
 *
 * From this call on nothing else writes to the protocol: descriptor 1 leads to standard error, and descriptor 0 to /dev/null,
 * for this process and for the programs that it starts. Print nothing before it.
 *
 * @param array $definition
 *     'handle'   callable($request): mixed. What it returns is the answer; what it throws is told to who asked, and the worker
 *                goes on.
 *     'exit'     callable(): void, or null. Called once before the worker exits because it was asked to, when all requests are
 *                answered.
 *     'protocol' 'auto' tells `frames` and `process-pool` apart; 'lines' has to be asked for. Default: 'auto'.
 *     'objects'  whether objects of JSON arrive as objects instead of arrays. Default: false.
 *
 * @throws \InvalidArgumentException for what cannot be in a definition; \LogicException when it is called a second time, or
 *     not on the command line.
 */
function serve(array $definition): void
{
    Worker::start($definition);
}

/**
 * Whether nobody waits any more for the answer to the request that is being handled. A handler that takes long, asks now and
 * then, and gives up, saves its worker from being ended. Only the protocol `frames` tells.
 */
function cancelled(): bool
{
    return Worker::isCancelled();
}

/** @internal */
final class Worker
{
    private const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
    private const READ_BYTES = 65536;

    private static ?Worker $current = null;

    /** @var callable */
    private $handle;
    /** @var callable|null */
    private $exit;
    private string $protocol;
    private bool $objects;
    private Wire $wire;
    private Printing $printing;
    private ?Side $side = null;
    private int $pid;
    private bool $hasEnded = false;
    /** @var array<int, mixed> requests that wait, by their numbers */
    private array $waiting = [];
    /** The request that is being handled; 0 is none. */
    private int $handled = 0;
    private bool $isCancelled = false;

    private function __construct(array $definition)
    {
        $unknown = array_diff(array_keys($definition), ['handle', 'exit', 'protocol', 'objects']);
        if ($unknown !== []) {
            throw new \InvalidArgumentException('serve(): there is no "' . reset($unknown) . '" in a definition');
        }
        $handle = $definition['handle'] ?? null;
        $exit = $definition['exit'] ?? null;
        $protocol = $definition['protocol'] ?? 'auto';
        if (!is_callable($handle)) {
            throw new \InvalidArgumentException('serve(): "handle" must be a function that takes a request');
        }
        if ($exit !== null && !is_callable($exit)) {
            throw new \InvalidArgumentException('serve(): "exit" must be a function');
        }
        if (!in_array($protocol, ['auto', 'frames', 'lines', 'process-pool'], true)) {
            throw new \InvalidArgumentException(
                'serve(): "protocol" must be auto, frames, lines or process-pool, not ' . var_export($protocol, true)
            );
        }
        $this->handle = $handle;
        $this->exit = $exit;
        $this->protocol = $protocol;
        $this->objects = (bool) ($definition['objects'] ?? false);
        $this->pid = (int) getmypid();
    }

    public static function start(array $definition): void
    {
        if (self::$current !== null) {
            throw new \LogicException('serve() was called before; a worker serves once');
        }
        if (!defined('STDIN') || !defined('STDOUT')) {
            throw new \LogicException('serve() works in programs of the command line (the php command) only');
        }
        $worker = new Worker($definition);
        self::$current = $worker;
        register_shutdown_function([$worker, 'onShutdown']);
        // Warnings are no part of an answer.
        if (!in_array(strtolower((string) ini_get('display_errors')), ['', '0', 'off', 'no', 'false'], true)) {
            ini_set('display_errors', 'stderr');
        }
        $worker->printing = new Printing([$worker, 'onPrinted']);
        $worker->wire = new Wire([$worker, 'onWritten']);
        $worker->printing->begin();
        $worker->run();
    }

    public static function isCancelled(): bool
    {
        $worker = self::$current;
        if ($worker === null || $worker->handled === 0 || $worker->isForked()) {
            return false;
        }
        $worker->readWhatIsThere();
        return $worker->isCancelled;
    }

    /** A request has come. */
    public function add(int $id, $request): void
    {
        $this->waiting[$id] = $request;
    }

    /** Nobody waits for this answer any more. */
    public function cancel(int $id): void
    {
        if ($id === $this->handled) {
            $this->isCancelled = true;
        } elseif (array_key_exists($id, $this->waiting)) {
            unset($this->waiting[$id]);
            $this->side->fail($id, new AbortError('nobody waits for the answer any more'));
        }
    }

    /** The pool has asked for the exit. */
    public function end(): void
    {
        $this->hasEnded = true;
    }

    /** Something was printed; `$stream` is 1 for standard output and 2 for standard error. */
    public function onPrinted(int $stream, string $bytes): void
    {
        if ($bytes === '') {
            return;
        }
        if ($this->side === null || $this->isForked()) {
            $this->wire->complain($bytes);
        } else {
            $this->side->printed($this->handled, $stream, $bytes);
        }
    }

    /** Something was written to STDOUT or STDERR, past what echo prints to. */
    public function onWritten(int $stream, string $bytes): void
    {
        if ($stream === 1) {
            $this->printing->flushInOrder();
        }
        $this->onPrinted($stream, $bytes);
    }

    public function onShutdown(): void
    {
        if ($this->isForked()) {
            return;
        }
        $error = error_get_last();
        if ($error !== null && ($error['type'] & self::FATAL) !== 0) {
            if (ini_get('display_errors') !== 'stderr' && !filter_var(ini_get('log_errors'), FILTER_VALIDATE_BOOLEAN)) {
                $this->wire->complain("PHP Fatal error: {$error['message']} in {$error['file']}:{$error['line']}\n");
            }
        } elseif ($this->handled !== 0) {
            $this->printing->flush();
            $this->onPrinted(2, "drover worker: the handler ended this process by exit() before it had answered\n");
        }
    }

    private function run(): void
    {
        if ($this->protocol !== 'auto') {
            $this->side = $this->makeSide($this->protocol);
        }
        try {
            for (;;) {
                $this->readWhatIsThere();
                if ($this->waiting !== []) {
                    $this->handleNext();
                } elseif ($this->hasEnded || $this->wire->isBroken) {
                    break;
                } else {
                    $this->read();
                }
            }
        } catch (ProtocolError $error) {
            $this->giveUp($error->getMessage());
        }
        $this->leave();
    }

    private function readWhatIsThere(): void
    {
        while (!$this->hasEnded && $this->wire->hasInput()) {
            $this->read();
        }
    }

    /** Waits for input, and takes what is there of it. */
    private function read(): void
    {
        $chunk = $this->wire->read(self::READ_BYTES);
        if ($chunk === null) {
            $this->hasEnded = true;
            if ($this->side !== null) {
                $this->side->onEnd();
            }
            return;
        }
        if ($this->side === null) {
            // Frames begin with a length below 2^24, and so with a 0; the other protocol with a digit.
            $this->side = $this->makeSide($chunk[0] === "\0" ? 'frames' : 'process-pool');
        }
        $this->side->read($chunk);
    }

    private function makeSide(string $protocol): Side
    {
        if ($protocol === 'frames') {
            return new FramesSide($this, $this->wire, $this->objects);
        }
        return $protocol === 'lines' ? new LinesSide($this, $this->wire) : new ProcessPoolSide($this, $this->wire);
    }

    private function handleNext(): void
    {
        reset($this->waiting);
        $id = (int) key($this->waiting);
        $request = $this->waiting[$id];
        unset($this->waiting[$id]);
        if ($this->wire->isBroken) {
            return;
        }
        $this->handled = $id;
        $this->isCancelled = false;
        $thrown = null;
        $value = null;
        try {
            $value = ($this->handle)($request);
        } catch (\Throwable $error) {
            $thrown = $error;
        }
        unset($request);
        if ($this->isForked()) {
            // A child of the handler's has come back from it; the parent goes on to serve.
            $this->handled = 0;
            exit($thrown === null ? 0 : 1);
        }
        $this->printing->flush();
        // A handler of a signal may print at any time, and nothing may be printed for a request that is answered.
        $this->handled = 0;
        if ($thrown === null) {
            try {
                $this->side->answer($id, $value);
            } catch (\Throwable $error) {
                $thrown = $error;
            }
        }
        if ($thrown !== null) {
            $this->side->fail($id, $thrown);
        }
    }

    private function leave(): void
    {
        if ($this->side === null) {
            $this->side = $this->makeSide('frames');
        }
        try {
            if ($this->exit !== null) {
                ($this->exit)();
            }
            $this->printing->flush();
            $this->side->onLeave();
        } catch (\Throwable $error) {
            $this->giveUp((string) $error);
        }
        exit(0);
    }

    /** Ends this process, with a reason on standard error. */
    public function giveUp(string $reason): void
    {
        $this->handled = 0;
        $this->wire->complain("$reason\n");
        exit(1);
    }

    private function isForked(): bool
    {
        return getmypid() !== $this->pid;
    }
}

/** @internal What came is against the protocol. */
final class ProtocolError extends \RuntimeException
{
}

/** @internal */
final class AbortError extends \RuntimeException
{
}

/** @internal What answers in one of the protocols. */
interface Side
{
    public function read(string $chunk): void;

    /** There is no more input. */
    public function onEnd(): void;

    /** @throws \Throwable for a value that cannot be sent; nothing was written then. */
    public function answer(int $id, $value): void;

    public function fail(int $id, \Throwable $error): void;

    public function printed(int $id, int $stream, string $bytes): void;

    /** The last that is done. */
    public function onLeave(): void;
}

/** @internal The pipes of the protocol, and standard error. */
final class Wire
{
    /** Written at once of what is long. */
    private const SLICE = 131072;

    /** Whether nobody reads any more. */
    public bool $isBroken = false;
    /** @var resource */
    private $input;
    /** @var resource */
    private $output;
    /** @var resource */
    private $errors;
    /** @var string[] */
    private array $pending = [];
    private bool $isWriting = false;
    /** @var resource[] what stands in for descriptors 0 and 1 */
    private array $substitutes = [];

    /** Takes the standard streams away from everybody else. */
    public function __construct(callable $onWritten)
    {
        if (PHP_OS_FAMILY === 'Windows') {
            [$this->input, $this->output, $this->errors] = [STDIN, STDOUT, STDERR];
        } else {
            $this->input = self::open('php://fd/0', 'rb');
            $this->output = self::open('php://fd/1', 'wb');
            $this->errors = self::open('php://fd/2', 'wb');
            // What is opened next gets the lowest number that is free, which is 0.
            fclose(STDIN);
            $this->substitutes[] = self::open('/dev/null', 'rb');
            stream_filter_register('drover.written', WrittenFilter::class);
            $this->divertOutput($onWritten);
            stream_filter_append(STDERR, 'drover.written', STREAM_FILTER_WRITE, [$onWritten, 2]);
        }
        stream_set_read_buffer($this->input, 0);
    }

    /** Waits until something has come. Null at the end. */
    public function read(int $bytes): ?string
    {
        for (;;) {
            $chunk = @fread($this->input, $bytes);
            if ($chunk !== false && $chunk !== '') {
                return $chunk;
            }
            if (feof($this->input)) {
                return null;
            }
            // The pipe may be one that does not wait by itself.
            $this->select(null);
        }
    }

    /** Whether there is something to read, or the end. */
    public function hasInput(): bool
    {
        return PHP_OS_FAMILY !== 'Windows' && $this->select(0);
    }

    /** Writes all of it before it returns: a process may end at any time afterwards. */
    public function write(string ...$pieces): void
    {
        array_push($this->pending, ...$pieces);
        // A handler of a signal may print meanwhile: that goes behind what was begun.
        if ($this->isWriting) {
            return;
        }
        $this->isWriting = true;
        while (($piece = array_shift($this->pending)) !== null) {
            $this->writeAll($piece);
        }
        $this->isWriting = false;
    }

    /** Writes to standard error itself. */
    public function complain(string $bytes): void
    {
        @fwrite($this->errors, $bytes);
    }

    private function writeAll(string $bytes): void
    {
        $at = 0;
        $size = strlen($bytes);
        while ($at < $size && !$this->isBroken) {
            $slice = $at === 0 && $size <= self::SLICE ? $bytes : substr($bytes, $at, self::SLICE);
            $written = @fwrite($this->output, $slice);
            if ($written === 0) {
                // The pipe may be one that does not wait by itself.
                $this->waitForRoom();
                continue;
            }
            if ($written === false) {
                $error = error_get_last();
                error_clear_last();
                if ($error !== null && strpos($error['message'], 'errno=4 ') !== false) {
                    continue;
                }
                // Nobody reads any more: there is nothing left to do for anyone.
                $this->isBroken = true;
                return;
            }
            $at += $written;
        }
    }

    private function select(?int $seconds): bool
    {
        $read = [$this->input];
        $none = null;
        return @stream_select($read, $none, $none, $seconds) === 1;
    }

    private function waitForRoom(): void
    {
        $write = [$this->output];
        $none = null;
        @stream_select($none, $write, $none, null);
    }

    /**
     * Has descriptor 1 lead to standard error. With FFI the constant STDOUT stays, and what is written to it is told as printed;
     * else it has to be closed for that.
     */
    private function divertOutput(callable $onWritten): void
    {
        if (self::duplicate(2, 1)) {
            stream_filter_append(STDOUT, 'drover.written', STREAM_FILTER_WRITE, [$onWritten, 1]);
            return;
        }
        fclose(STDOUT);
        $this->substitutes[] = self::open('php://fd/2', 'wb');
    }

    private static function duplicate(int $from, int $to): bool
    {
        try {
            return extension_loaded('ffi') && \FFI::cdef('int dup2(int, int);')->dup2($from, $to) === $to;
        } catch (\Throwable $error) {
            return false;
        }
    }

    /** @return resource */
    private static function open(string $name, string $mode)
    {
        $stream = fopen($name, $mode);
        if ($stream === false) {
            throw new \RuntimeException("serve(): cannot open $name");
        }
        return $stream;
    }
}

/** @internal Takes what `echo` and the like print. */
final class Printing
{
    /** Printed in smaller pieces it is gathered up to here. */
    private const BYTES = 8192;

    /** @var callable */
    private $onPrinted;
    private int $level = 0;

    public function __construct(callable $onPrinted)
    {
        $this->onPrinted = $onPrinted;
    }

    public function begin(): void
    {
        ob_start([$this, 'take'], self::BYTES);
        $this->level = ob_get_level();
    }

    /** Has all told that was printed, also what is in buffers that a handler has left open. */
    public function flush(): void
    {
        while (ob_get_level() > $this->level && @ob_end_flush()) {
        }
        if ((ob_list_handlers()[$this->level - 1] ?? '') === self::class . '::take') {
            ob_flush();
            return;
        }
        // The handler has closed this buffer, and perhaps begun one of its own.
        while (ob_get_level() >= $this->level && @ob_end_flush()) {
        }
        $this->begin();
    }

    /** Has told what was printed before something that takes another way, as far as it is not in a handler's own buffer. */
    public function flushInOrder(): void
    {
        if (ob_get_level() === $this->level) {
            ob_flush();
        }
    }

    /** The handler of the output buffer. */
    public function take(string $bytes, int $phase): string
    {
        // What a handler cleans was not meant to be printed.
        if (($phase & PHP_OUTPUT_HANDLER_CLEAN) === 0) {
            ($this->onPrinted)(1, $bytes);
        }
        return '';
    }
}

/** @internal Takes what is written to the constants STDOUT and STDERR. */
final class WrittenFilter extends \php_user_filter
{
    #[\ReturnTypeWillChange]
    public function filter($in, $out, &$consumed, $closing)
    {
        [$onWritten, $stream] = $this->params;
        while ($bucket = stream_bucket_make_writeable($in)) {
            $consumed += $bucket->datalen;
            $onWritten($stream, $bucket->data);
        }
        return PSFS_FEED_ME;
    }
}

/** @internal Bytes that come in pieces, put together once. */
final class Gathered
{
    public int $length = 0;
    /** @var string[] */
    private array $pieces = [];

    public function append(string $piece): void
    {
        $this->pieces[] = $piece;
        $this->length += strlen($piece);
    }

    public function take(): string
    {
        $all = count($this->pieces) === 1 ? $this->pieces[0] : implode('', $this->pieces);
        $this->pieces = [];
        $this->length = 0;
        return $all;
    }
}

/** @internal */
final class FramesSide implements Side
{
    private const VERSION = 1;
    private const HEADER_BYTES = 9;
    private const COUNTED_HEADER_BYTES = 5;

    private const READY = 1;
    private const RESULT = 2;
    private const ERROR = 3;
    private const OUTPUT = 4;
    private const PONG = 5;

    private const HELLO = 16;
    private const REQUEST = 17;
    private const CANCEL = 18;
    private const PING = 19;
    private const EXIT = 20;

    private Worker $worker;
    private Wire $wire;
    private bool $objects;
    private string $header = '';
    private Gathered $payload;
    /** Bytes of the payload that is being read; null while its header is. */
    private ?int $wanted = null;
    private int $type = 0;
    private int $id = 0;

    public function __construct(Worker $worker, Wire $wire, bool $objects)
    {
        $this->worker = $worker;
        $this->wire = $wire;
        $this->objects = $objects;
        $this->payload = new Gathered();
    }

    public function read(string $chunk): void
    {
        $at = 0;
        $size = strlen($chunk);
        while ($at < $size) {
            if ($this->wanted === null) {
                $piece = substr($chunk, $at, self::HEADER_BYTES - strlen($this->header));
                $this->header .= $piece;
                $at += strlen($piece);
                if (strlen($this->header) === self::HEADER_BYTES) {
                    $this->readHeader();
                }
            } else {
                $piece = substr($chunk, $at, $this->wanted - $this->payload->length);
                $this->payload->append($piece);
                $at += strlen($piece);
            }
            if ($this->wanted !== null && $this->payload->length === $this->wanted) {
                $this->wanted = null;
                $this->handle($this->payload->take());
            }
        }
    }

    public function onEnd(): void
    {
    }

    public function answer(int $id, $value): void
    {
        [$codec, $body] = Values::encode($value);
        $this->send(self::RESULT, $id, $codec, $body);
    }

    public function fail(int $id, \Throwable $error): void
    {
        $this->send(self::ERROR, $id, Values::error($error));
    }

    public function printed(int $id, int $stream, string $bytes): void
    {
        $this->send(self::OUTPUT, $id, chr($stream), $bytes);
    }

    public function onLeave(): void
    {
    }

    private function readHeader(): void
    {
        ['length' => $length, 'type' => $this->type, 'id' => $this->id] = unpack('Nlength/Ctype/Nid', $this->header);
        $this->header = '';
        if ($length < self::COUNTED_HEADER_BYTES || $this->type < self::HELLO || $this->type > self::EXIT) {
            throw new ProtocolError('drover worker: what came from the pool is no frame');
        }
        $this->wanted = $length - self::COUNTED_HEADER_BYTES;
    }

    private function handle(string $payload): void
    {
        switch ($this->type) {
            case self::HELLO:
                $this->greet($payload);
                break;
            case self::REQUEST:
                try {
                    $request = Values::decode($payload, $this->objects);
                } catch (\Throwable $error) {
                    $this->fail($this->id, $error);
                    break;
                }
                $this->worker->add($this->id, $request);
                break;
            case self::CANCEL:
                $this->worker->cancel($this->id);
                break;
            case self::PING:
                $this->send(self::PONG, $this->id);
                break;
            default:
                $this->worker->end();
        }
    }

    private function greet(string $payload): void
    {
        $hello = json_decode($payload, true);
        $version = is_array($hello) ? $hello['protocol'] ?? null : null;
        if ($version !== self::VERSION) {
            $message = 'this worker speaks version ' . self::VERSION . ' of the protocol, and the pool ' . json_encode($version);
            $this->fail(0, new ProtocolError($message));
            $this->worker->giveUp($message);
        }
        $ready = ['protocol' => self::VERSION, 'codecs' => [], 'concurrency' => 1];
        $this->send(self::READY, 0, json_encode($ready));
    }

    /** The two parts are the payload. */
    private function send(int $type, int $id, string $first = '', string $second = ''): void
    {
        $length = self::COUNTED_HEADER_BYTES + strlen($first) + strlen($second);
        if ($length > 0xFFFFFFFF) {
            throw new \LengthException("an answer of $length bytes is too long for a frame");
        }
        $begin = pack('NCN', $length, $type, $id) . $first;
        if (strlen($second) < 65536) {
            $this->wire->write($begin . $second);
        } else {
            $this->wire->write($begin, $second);
        }
    }
}

/** @internal Values as frames carry them. */
final class Values
{
    private const NONE = 0;
    private const JSON = 1;
    private const TEXT = 2;
    private const BYTES = 3;
    private const DEPTH = 4096;

    /** @return array{0: string, 1: string} the codec, and the rest */
    public static function encode($value): array
    {
        if ($value === null) {
            return [chr(self::NONE), ''];
        }
        if (is_string($value)) {
            return [chr(self::isText($value) ? self::TEXT : self::BYTES), $value];
        }
        return [chr(self::JSON), self::json($value)];
    }

    public static function decode(string $payload, bool $objects)
    {
        $codec = $payload === '' ? -1 : ord($payload[0]);
        switch ($codec) {
            case self::NONE:
                return null;
            case self::JSON:
                return json_decode(substr($payload, 1), !$objects, self::DEPTH, JSON_THROW_ON_ERROR);
            case self::TEXT:
            case self::BYTES:
                return substr($payload, 1);
            default:
                throw new ProtocolError("there is no codec $codec");
        }
    }

    public static function json($value): string
    {
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;
        return json_encode($value, $flags, self::DEPTH);
    }

    /** What was thrown, as JSON. */
    public static function error(\Throwable $error): string
    {
        $fields = ['name' => get_class($error), 'message' => $error->getMessage()];
        if ($error->getCode() !== 0) {
            $fields['code'] = (string) $error->getCode();
        }
        $fields['stack'] = (string) $error;
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE;
        $data = @json_encode(get_object_vars($error), $flags | JSON_PARTIAL_OUTPUT_ON_ERROR);
        if (is_string($data) && $data[0] === '{') {
            $fields['data'] = json_decode($data);
        }
        return (string) json_encode($fields, $flags);
    }

    private static function isText(string $bytes): bool
    {
        return preg_match('//u', $bytes) === 1;
    }
}

/**
 * @internal An answer is what the handler printed, followed by what it returned. What it throws goes to standard error and ends
 * the worker, which is how a worker of this protocol tells that it failed.
 */
final class ProcessPoolSide implements Side
{
    private Worker $worker;
    private Wire $wire;
    private Gathered $input;
    private Gathered $printed;
    private ?int $wanted = null;
    private int $lastId = 0;
    private bool $isLeaving = false;

    public function __construct(Worker $worker, Wire $wire)
    {
        $this->worker = $worker;
        $this->wire = $wire;
        $this->input = new Gathered();
        $this->printed = new Gathered();
    }

    public function read(string $chunk): void
    {
        $at = 0;
        $size = strlen($chunk);
        while ($at < $size && !$this->isLeaving) {
            if ($this->wanted === null) {
                $end = strpos($chunk, "\n", $at);
                $this->input->append(substr($chunk, $at, ($end === false ? $size : $end) - $at));
                $at = $end === false ? $size : $end + 1;
                if ($end === false) {
                    continue;
                }
                $this->readHead($this->input->take());
            } else {
                $piece = substr($chunk, $at, $this->wanted - $this->input->length);
                $this->input->append($piece);
                $at += strlen($piece);
            }
            if ($this->wanted !== null && $this->input->length === $this->wanted) {
                $this->wanted = null;
                $this->lastId += 1;
                $this->worker->add($this->lastId, $this->input->take());
            }
        }
    }

    public function onEnd(): void
    {
    }

    public function answer(int $id, $value): void
    {
        if ($value !== null) {
            $this->printed->append(is_string($value) ? $value : Values::json($value));
        }
        $this->tell();
    }

    public function fail(int $id, \Throwable $error): void
    {
        $this->worker->giveUp((string) $error);
    }

    public function printed(int $id, int $stream, string $bytes): void
    {
        if ($stream === 1) {
            $this->printed->append($bytes);
        } else {
            $this->wire->complain($bytes);
        }
    }

    public function onLeave(): void
    {
        if ($this->printed->length > 0) {
            $this->tell();
        }
    }

    private function readHead(string $head): void
    {
        if ($head === '0;') {
            $this->isLeaving = true;
            $this->worker->end();
        } elseif (preg_match('/^1;(\d{1,18})$/D', $head, $match) === 1) {
            $this->wanted = (int) $match[1];
        } else {
            $shown = json_encode(substr($head, 0, 80), JSON_INVALID_UTF8_SUBSTITUTE);
            throw new ProtocolError("drover worker: expected \"1;<bytes>\" or \"0;\" from the pool, not $shown");
        }
    }

    private function tell(): void
    {
        $this->wire->write($this->printed->length . ';', $this->printed->take());
    }
}

/**
 * @internal A handler gets a line and returns one. What it prints goes to standard error, since nothing but answers may be
 * printed; and so does what it throws, with an empty line for an answer.
 */
final class LinesSide implements Side
{
    private Worker $worker;
    private Wire $wire;
    private Gathered $line;
    private int $lastId = 0;

    public function __construct(Worker $worker, Wire $wire)
    {
        $this->worker = $worker;
        $this->wire = $wire;
        $this->line = new Gathered();
    }

    public function read(string $chunk): void
    {
        $at = 0;
        while (($end = strpos($chunk, "\n", $at)) !== false) {
            $this->line->append(substr($chunk, $at, $end - $at));
            $at = $end + 1;
            $this->lastId += 1;
            $this->worker->add($this->lastId, $this->line->take());
        }
        $this->line->append(substr($chunk, $at));
    }

    public function onEnd(): void
    {
        if ($this->line->length > 0) {
            $this->read("\n");
        }
    }

    public function answer(int $id, $value): void
    {
        $text = $value === null ? '' : (is_string($value) ? $value : Values::json($value));
        $this->wire->write(str_replace("\n", ' ', $text) . "\n");
    }

    public function fail(int $id, \Throwable $error): void
    {
        $this->wire->complain("$error\n");
        $this->wire->write("\n");
    }

    public function printed(int $id, int $stream, string $bytes): void
    {
        $this->wire->complain($bytes);
    }

    public function onLeave(): void
    {
    }
}
