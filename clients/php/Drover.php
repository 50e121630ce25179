<?php
/**
 * Runs commands through drover, for PHP 7.4 and later, in one file: copy it, or require it from where it is.
 *
 *     require 'Drover.php';
 *     $drover = new Drover\Drover();
 *     foreach ($drover->run([['command' => 'gzip', 'args' => ['-9', 'a.log']]], ['jobs' => 4]) as $result) {
 *         echo $result['state'], "\n";
 *     }
 *
 * Tasks and results are those of drover's docs/tasks-and-results.md.
 */

declare(strict_types=1);

namespace Drover;

/** drover could not run the tasks: a mistake in the call or the input (status 255), or it could not go on (102). */
final class DroverException extends \RuntimeException
{
    /** The exit status of drover; null when it died of a signal. */
    public ?int $status;
    /** The end of what drover said on standard error. */
    public string $stderr;

    public function __construct(string $message, ?int $status, string $stderr)
    {
        parent::__construct($message);
        $this->status = $status;
        $this->stderr = $stderr;
    }
}

final class Drover
{
    /** The status with which drover says that it could not go on; from here on it has not run all. */
    private const STATUS_CANNOT_GO_ON = 102;
    private const WRITE_BYTES = 65536;
    private const STDERR_BYTES = 65536;

    /** @var string[] */
    private array $program;

    /**
     * @param string|string[]|null $program what starts drover: a path, or a command and its first arguments, as ['node', 'bin/drover.cjs'].
     * Default: the environment's DROVER, or `drover` from the PATH
     */
    public function __construct($program = null)
    {
        $default = getenv('DROVER');
        $this->program = (array) ($program ?? ($default === false || $default === '' ? 'drover' : $default));
    }

    /**
     * Runs tasks and gives their results as they come, or in the order of the tasks with `keep-order`. Tasks are taken while results are
     * given, only as drover has room for them. To leave the loop ends what runs.
     *
     * @param iterable<string|array<string, mixed>> $tasks lines for the shell, or tasks; strings in them may be any bytes
     * @param array<string, mixed> $options options of `drover run` without the dashes, in kebab-case or camelCase: ['jobs' => 8,
     * 'keepOrder' => true]
     * @return \Generator<int, array<string, mixed>> results; their state says how each went
     * @throws DroverException when drover cannot be started, refuses the call, or cannot go on; what the iterator throws
     */
    public function run(iterable $tasks, array $options = []): \Generator
    {
        $command = array_merge($this->program, ['run', '--tasks', '-', '--json', '--no-progress'], self::words($options));
        $pipes = [];
        $process = @proc_open($command, [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
        if ($process === false) {
            $reason = error_get_last()['message'] ?? 'unknown';
            throw new DroverException("{$this->program[0]} could not be started: $reason", null, '');
        }
        $hasEnded = false;
        $stderr = '';
        try {
            yield from $this->exchange($pipes, self::lines($tasks), $stderr);
            $hasEnded = true;
        } finally {
            foreach ($pipes as $pipe) {
                if (is_resource($pipe)) {
                    fclose($pipe);
                }
            }
            if (!$hasEnded) {
                proc_terminate($process);
            }
            $status = self::close($process);
        }
        if ($status === null || $status >= self::STATUS_CANNOT_GO_ON) {
            // So does a shell, or PHP, say that there is no such program.
            $notFound = $status === 127 ? " (is {$this->program[0]} there, and on the PATH?)" : '';
            $how = $status === null ? 'died of a signal' : "ended with status $status$notFound";
            throw new DroverException(trim("drover $how: $stderr"), $status, $stderr);
        }
    }

    /**
     * Runs tasks and gives all results at once, in the order of the tasks.
     *
     * @param iterable<string|array<string, mixed>> $tasks
     * @param array<string, mixed> $options
     * @return array<int, array<string, mixed>>
     * @throws DroverException as {@see run}
     */
    public function runAll(iterable $tasks, array $options = []): array
    {
        return iterator_to_array($this->run($tasks, ['keepOrder' => true] + $options), false);
    }

    /**
     * What a task printed, as the bytes that it was.
     *
     * @param array<string, mixed> $result
     * @param string $stream `stdout` or `stderr`
     */
    public static function bytes(array $result, string $stream = 'stdout'): string
    {
        $base64 = $result["{$stream}Base64"] ?? null;
        return $base64 === null ? $result[$stream] : (string) base64_decode($base64, true);
    }

    /**
     * Reads and writes whatever is possible, so that neither side ever waits for the other.
     *
     * @param resource[] $pipes
     */
    private function exchange(array &$pipes, \Iterator $lines, string &$stderr): \Generator
    {
        foreach ($pipes as $pipe) {
            stream_set_blocking($pipe, false);
            stream_set_read_buffer($pipe, 0);
            stream_set_write_buffer($pipe, 0);
        }
        $toWrite = '';
        $received = '';
        $open = [1 => $pipes[1], 2 => $pipes[2]];
        while ($open !== []) {
            $read = $open;
            $write = isset($pipes[0]) ? [$pipes[0]] : [];
            $except = [];
            if (@stream_select($read, $write, $except, 3600) === false) {
                continue;
            }
            if ($write !== []) {
                $this->feed($pipes, $lines, $toWrite);
            }
            foreach ($read as $stream) {
                $number = $stream === $pipes[1] ? 1 : 2;
                $chunk = (string) fread($stream, 65536);
                if ($chunk === '' && feof($stream)) {
                    unset($open[$number]);
                } elseif ($number === 2) {
                    $stderr = substr($stderr . $chunk, -self::STDERR_BYTES);
                } else {
                    $all = explode("\n", $chunk);
                    $all[0] = $received . $all[0];
                    $received = (string) array_pop($all);
                    foreach ($all as $line) {
                        yield json_decode($line, true, 512, JSON_THROW_ON_ERROR);
                    }
                }
            }
        }
    }

    /** @param resource[] $pipes */
    private function feed(array &$pipes, \Iterator $lines, string &$toWrite): void
    {
        while (strlen($toWrite) < self::WRITE_BYTES && $lines->valid()) {
            $toWrite .= $lines->current();
            $lines->next();
        }
        $written = $toWrite === '' ? 0 : @fwrite($pipes[0], $toWrite);
        if ($written !== false) {
            $toWrite = (string) substr($toWrite, $written);
        }
        // Nobody reads any more, or there is nothing more to say.
        if ($written === false || ($toWrite === '' && !$lines->valid())) {
            fclose($pipes[0]);
            unset($pipes[0]);
        }
    }

    private static function lines(iterable $tasks): \Generator
    {
        foreach ($tasks as $task) {
            $fields = is_array($task) ? $task : ['command' => $task];
            yield json_encode(self::withBytes($fields), JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES) . "\n";
        }
    }

    /** @param mixed $value */
    private static function withBytes($value)
    {
        if (is_string($value)) {
            return preg_match('//u', $value) === 1 ? $value : ['base64' => base64_encode($value)];
        }
        return is_array($value) ? array_map([self::class, 'withBytes'], $value) : $value;
    }

    /**
     * @param array<string, mixed> $options
     * @return string[]
     */
    private static function words(array $options): array
    {
        $words = [];
        foreach ($options as $name => $value) {
            $kebab = strtolower((string) preg_replace('/[A-Z]/', '-$0', (string) $name));
            if (preg_match('/^[a-z]+(-[a-z]+)*$/D', $kebab) !== 1 || in_array($kebab, ['tasks', 'json', 'json-array'], true)) {
                throw new DroverException("there is no option $name for tasks from PHP", null, '');
            }
            if ($value === true) {
                $words[] = "--$kebab";
            } elseif ($value !== false && $value !== null) {
                array_push($words, "--$kebab", (string) $value);
            }
        }
        return $words;
    }

    /**
     * @param resource $process
     * @return int|null the exit status; null when it died of a signal
     */
    private static function close($process): ?int
    {
        do {
            $status = proc_get_status($process);
            if ($status['running']) {
                usleep(1000);
            }
        } while ($status['running']);
        proc_close($process);
        return $status['signaled'] ? null : $status['exitcode'];
    }
}
