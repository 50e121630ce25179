<?php
/**
 * The worker's side of drover's pools, for PHP 7.4 and later, in one file: copy it, or require it from where it is.
 *
 *     require 'DroverWorker.php';
 *     Drover\Worker::serve(function ($request) { return strtoupper($request); });
 *
 * It speaks `frames` and `process-pool`, and knows the two apart; `lines` must be asked for. The protocols are described byte for
 * byte in drover's docs/protocol.md.
 */

declare(strict_types=1);

namespace Drover;

final class Worker
{
    /** @var callable(mixed): mixed */
    private $handle;
    /** @var (callable(): void)|null */
    private $exit;
    /** @var resource */
    private $output;
    private Side $side;

    /**
     * Answers requests from standard input until the pool asks this process to exit, or its input ends; then exits.
     *
     * With `frames` the handler gets what was sent (JSON objects as arrays) and what it returns is the answer; what it throws is told to
     * who asked, and the worker goes on. With `process-pool` the answer is what it printed, followed by what it returned; what it throws ends
     * the worker. With `lines` it gets and returns a line.
     *
     * Standard output belongs to the protocol from now on: what is printed (echo, print, printf, templates) comes to the pool as the output
     * of the request. What programs print that are started with an inherited standard output comes as standard error.
     *
     * @param callable(mixed): mixed $handle handles one request
     * @param (callable(): void)|null $exit called once before the worker exits because it was asked to; what it prints is told as well
     * @param string $protocol `auto`, `frames`, `lines` or `process-pool`
     * @throws \InvalidArgumentException for an unknown protocol
     * @return never
     */
    public static function serve(callable $handle, ?callable $exit = null, string $protocol = 'auto'): void
    {
        if (!in_array($protocol, ['auto', 'frames', 'lines', 'process-pool'], true)) {
            throw new \InvalidArgumentException("Drover\\Worker::serve(): there is no protocol $protocol");
        }
        (new self($handle, $exit))->run($protocol);
        exit(0);
    }

    private function __construct(callable $handle, ?callable $exit)
    {
        $this->handle = $handle;
        $this->exit = $exit;
        $this->output = self::takeOutput();
    }

    private function run(string $protocol): void
    {
        $input = fopen('php://stdin', 'rb');
        stream_set_read_buffer($input, 0);
        stream_set_chunk_size($input, 65536);
        $chunk = self::read($input);
        if ($chunk === '' && $protocol === 'auto') {
            $protocol = 'frames';
        }
        if ($protocol === 'auto') {
            // A frame begins with a length below 2^24, and so with a 0; the other protocol with a digit.
            $protocol = $chunk[0] === "\0" ? 'frames' : 'process-pool';
        }
        $this->side = $this->makeSide($protocol);
        $this->watchEnd();
        while ($chunk !== '' && $this->side->receive($chunk)) {
            $chunk = self::read($input);
        }
        $this->side->leave();
    }

    private function makeSide(string $protocol): Side
    {
        $parts = [$this->handle, $this->exit, $this->output];
        if ($protocol === 'frames') {
            return new FramesSide(...$parts);
        }
        return $protocol === 'lines' ? new LinesSide(...$parts) : new ProcessPoolSide(...$parts);
    }

    /** Why this process ends under a request is told where the pool looks for it. */
    private function watchEnd(): void
    {
        register_shutdown_function(function (): void {
            $error = error_get_last();
            $fatal = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
            if ($error !== null && ($error['type'] & $fatal) !== 0) {
                fwrite(self::errors(), "PHP: {$error['message']} in {$error['file']} on line {$error['line']}\n");
            }
        });
    }

    /** @param resource $input */
    private static function read($input): string
    {
        $chunk = fread($input, 65536);
        return $chunk === false ? '' : $chunk;
    }

    /**
     * Takes what was standard output for the protocol. Descriptor 1 leads to standard error from then on, so that nothing that is printed past
     * PHP can come between messages. Where the system has no such descriptors it stays as it is.
     *
     * @return resource
     */
    private static function takeOutput()
    {
        $own = @fopen('php://fd/1', 'wb');
        if ($own === false) {
            return fopen('php://stdout', 'wb');
        }
        if (defined('STDOUT') && is_resource(STDOUT)) {
            fclose(STDOUT);
        }
        // The lowest number that is free is taken, which is 1. It is kept open for good.
        static $instead;
        $instead = @fopen('php://fd/2', 'wb');
        stream_set_write_buffer($own, 0);
        return $own;
    }

    /** @return resource */
    public static function errors()
    {
        static $errors = null;
        if ($errors === null) {
            $errors = defined('STDERR') && is_resource(STDERR) ? STDERR : fopen('php://stderr', 'wb');
        }
        return $errors;
    }
}

/** What answers in one of the protocols. */
abstract class Side
{
    /** @var callable(mixed): mixed */
    protected $handle;
    /** @var (callable(): void)|null */
    private $exit;
    /** @var resource */
    private $output;

    /** @param resource $output */
    public function __construct(callable $handle, ?callable $exit, $output)
    {
        $this->handle = $handle;
        $this->exit = $exit;
        $this->output = $output;
    }

    /** Takes what came from the pool; false when there is no more to come. */
    abstract public function receive(string $chunk): bool;

    /** What was printed outside of requests. */
    abstract protected function sayGoodbye(string $printed): void;

    /** Lets the worker say goodbye. */
    public function leave(): void
    {
        if ($this->exit === null) {
            return;
        }
        $exit = $this->exit;
        $this->exit = null;
        $level = ob_get_level();
        ob_start();
        try {
            $exit();
        } catch (\Throwable $error) {
            fwrite(Worker::errors(), "$error\n");
            exit(1);
        } finally {
            $this->sayGoodbye(self::printedSince($level));
        }
    }

    /** Ends the output buffers above this level; what was in them. */
    protected static function printedSince(int $level): string
    {
        while (ob_get_level() > $level + 1) {
            ob_end_flush();
        }
        return ob_get_level() > $level ? (string) ob_get_clean() : '';
    }

    /** Writes all of it; there is nothing left to do for anyone when nobody reads any more. */
    protected function write(string $bytes): void
    {
        $length = strlen($bytes);
        for ($at = 0; $at < $length;) {
            $written = @fwrite($this->output, $at === 0 ? $bytes : substr($bytes, $at, 1 << 20));
            if ($written === false || ($written === 0 && feof($this->output))) {
                exit(0);
            }
            if ($written === 0) {
                // The pipe is full, and does not wait by itself.
                $read = $except = [];
                $write = [$this->output];
                stream_select($read, $write, $except, 1);
            }
            $at += $written;
        }
    }
}

/** Frames: a length of four bytes, a type, a number of four bytes, the rest. */
final class FramesSide extends Side
{
    private const RESULT = 2;
    private const ERROR = 3;
    private const OUTPUT = 4;
    private const NO_VALUE = 0;
    private const JSON = 1;
    private const TEXT = 2;
    private const BYTES = 3;

    private string $input = '';
    private int $at = 0;
    /** @var string[] */
    private array $pieces = [];
    private int $missing = 0;

    public function receive(string $chunk): bool
    {
        if ($this->missing > 0) {
            $this->pieces[] = $chunk;
            $this->missing -= strlen($chunk);
            if ($this->missing > 0) {
                return true;
            }
            $chunk = implode('', $this->pieces);
            $this->pieces = [];
        }
        $this->input = $this->at === strlen($this->input) ? $chunk : substr($this->input, $this->at) . $chunk;
        $this->at = 0;
        while (strlen($this->input) - $this->at >= 4) {
            $length = unpack('N', $this->input, $this->at)[1];
            $missing = $length + 4 - (strlen($this->input) - $this->at);
            if ($missing > 0) {
                $this->wait($missing);
                return true;
            }
            $frame = unpack('Ctype/Nid', $this->input, $this->at + 4);
            $payload = (string) substr($this->input, $this->at + 9, $length - 5);
            $this->at += 4 + $length;
            if (!$this->take($frame['type'], $frame['id'], $payload)) {
                return false;
            }
        }
        return true;
    }

    /** The pieces of a message are put together once, and not with each that comes. */
    private function wait(int $missing): void
    {
        $this->pieces = [(string) substr($this->input, $this->at)];
        $this->missing = $missing;
        $this->input = '';
        $this->at = 0;
    }

    private function take(int $type, int $id, string $payload): bool
    {
        switch ($type) {
            case 16:
                $this->frame(1, 0, '{"protocol":1,"codecs":[],"concurrency":1}');
                return true;
            case 17:
                $this->answer($id, $payload);
                return true;
            case 18:
                // Whoever gave it up is answered all the same.
                return true;
            case 19:
                $this->frame(5, $id, '');
                return true;
            default:
                return false;
        }
    }

    private function answer(int $id, string $payload): void
    {
        $level = ob_get_level();
        // Each piece is told as it is printed.
        ob_start(function (string $printed) use ($id): string {
            if ($printed !== '') {
                $this->frame(self::OUTPUT, $id, "\x01" . $printed);
            }
            return '';
        }, 1);
        try {
            $value = self::encode(($this->handle)(self::decode($payload)));
            self::printedSince($level);
            $this->frame(self::RESULT, $id, $value);
        } catch (\Throwable $error) {
            self::printedSince($level);
            $this->frame(self::ERROR, $id, self::describe($error));
        }
    }

    protected function sayGoodbye(string $printed): void
    {
        if ($printed !== '') {
            $this->frame(self::OUTPUT, 0, "\x01" . $printed);
        }
    }

    /** @return mixed */
    private static function decode(string $value)
    {
        $rest = substr($value, 1);
        switch (ord($value[0])) {
            case self::NO_VALUE:
                return null;
            case self::JSON:
                return json_decode($rest, true, 512, JSON_THROW_ON_ERROR);
            case self::TEXT:
            case self::BYTES:
                return $rest;
            default:
                throw new \UnexpectedValueException('a value in a form that PHP cannot read: codec ' . ord($value[0]));
        }
    }

    /** @param mixed $value */
    private static function encode($value): string
    {
        if ($value === null) {
            return chr(self::NO_VALUE);
        }
        if (is_string($value)) {
            return chr(self::isUtf8($value) ? self::TEXT : self::BYTES) . $value;
        }
        $flags = JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;
        return chr(self::JSON) . json_encode($value, $flags);
    }

    private static function isUtf8(string $text): bool
    {
        return function_exists('mb_check_encoding') ? mb_check_encoding($text, 'UTF-8') : preg_match('//u', $text) === 1;
    }

    private static function describe(\Throwable $error): string
    {
        $fields = [
            'name' => get_class($error),
            'message' => $error->getMessage(),
            'stack' => "{$error->getFile()}:{$error->getLine()}\n{$error->getTraceAsString()}",
        ];
        $code = $error->getCode();
        if ($code !== 0 && $code !== '') {
            $fields['code'] = (string) $code;
        }
        return (string) json_encode($fields, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }

    private function frame(int $type, int $id, string $payload): void
    {
        $this->write(pack('NCN', strlen($payload) + 5, $type, $id) . $payload);
    }
}

/** ssigwart/process-pool's protocol: "1;<bytes>\n<data>" and "0;\n" from the pool, "<bytes>;<data>" to it. */
final class ProcessPoolSide extends Side
{
    private string $input = '';

    public function receive(string $chunk): bool
    {
        $this->input .= $chunk;
        while (($end = strpos($this->input, "\n")) !== false) {
            $head = substr($this->input, 0, $end);
            if ($head === '0;') {
                return false;
            }
            if (preg_match('/^1;\d+$/D', $head) !== 1) {
                fwrite(Worker::errors(), "expected 1;<bytes> or 0; from the pool, not $head\n");
                exit(1);
            }
            $bytes = (int) substr($head, 2);
            if (strlen($this->input) - $end - 1 < $bytes) {
                return true;
            }
            $data = substr($this->input, $end + 1, $bytes);
            $this->input = substr($this->input, $end + 1 + $bytes);
            $this->answer($data);
        }
        return true;
    }

    private function answer(string $data): void
    {
        $level = ob_get_level();
        ob_start();
        try {
            $value = ($this->handle)($data);
        } catch (\Throwable $error) {
            self::printedSince($level);
            fwrite(Worker::errors(), "$error\n");
            exit(1);
        }
        $printed = self::printedSince($level);
        if ($value !== null) {
            $printed .= is_string($value) ? $value : (string) json_encode($value);
        }
        $this->write(strlen($printed) . ';' . $printed);
    }

    protected function sayGoodbye(string $printed): void
    {
        if ($printed !== '') {
            $this->write(strlen($printed) . ';' . $printed);
        }
    }
}

/** A line in, a line out. What is printed, and what is thrown, goes to standard error. */
final class LinesSide extends Side
{
    private string $input = '';

    public function receive(string $chunk): bool
    {
        $lines = explode("\n", $this->input . $chunk);
        $this->input = (string) array_pop($lines);
        foreach ($lines as $line) {
            $this->answer($line);
        }
        return true;
    }

    public function leave(): void
    {
        if ($this->input !== '') {
            $this->answer($this->input);
        }
        parent::leave();
    }

    private function answer(string $line): void
    {
        $level = ob_get_level();
        ob_start();
        $answer = '';
        try {
            $value = ($this->handle)($line);
            $answer = is_string($value) ? $value : ($value === null ? '' : json_encode($value, JSON_THROW_ON_ERROR));
        } catch (\Throwable $error) {
            fwrite(Worker::errors(), "$error\n");
        }
        fwrite(Worker::errors(), self::printedSince($level));
        $this->write(str_replace("\n", ' ', $answer) . "\n");
    }

    protected function sayGoodbye(string $printed): void
    {
        fwrite(Worker::errors(), $printed);
    }
}
