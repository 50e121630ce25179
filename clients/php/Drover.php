<?php

/**
 * Runs tasks through drover, from PHP 7.4 to 8.4 on Linux and macOS. Copy this one file; drover has to be installed.
 *
 *     require __DIR__ . '/Drover.php';
 *
 *     foreach (Drover\run([['id' => 'a', 'command' => 'gzip', 'args' => ['-9', $file]]], ['jobs' => 4]) as $result) {
 *         echo $result['id'], ' ', $result['state'], "\n";
 *     }
 *
 * Tasks and results are those of docs/tasks-and-results.md of drover.
 */

declare(strict_types=1);

namespace Drover;

/**
 * Gives the results of tasks, each an array, as they come. Drover is started with the first step of the iteration.
 *
 * When the iteration is left early and the generator is let go (by `unset()`, or when nothing refers to it any more), drover and
 * all that it runs is ended before that returns.
 *
 * @param iterable $tasks It is asked for one task at a time, while there is no result to give and drover takes more. A task is an
 *     array with the fields of a task; a string, which is a line for the shell; or a list of a program and its arguments. Null
 *     says that there is none at the moment: it is asked again after the next result, or 50 ms.
 * @param array $options
 *     'program'   the drover program, or a list with arguments that go before all others, as
 *                 ['node', '/opt/drover/bin/drover.cjs']. Default: the environment variable DROVER, or drover from the PATH.
 *     'cwd'       the directory in which drover is started, and the tasks that have none of their own.
 *     'env'       differences to this process's environment; null removes a variable.
 *     'onMessage' called with each piece that drover writes to standard error.
 *     'keepOrder' results in the order of the tasks.
 *     The others are the options of `drover run` of these names, see Run::VALUES and Run::SWITCHES: durations are seconds, or
 *     texts such as '500ms'; sizes are bytes, or texts such as '16MiB'.
 *
 * @throws \InvalidArgumentException for an option or (in the iteration) a task that can be none.
 * @throws CallException (in the iteration) for options that drover refuses.
 * @throws DroverException (in the iteration) when it cannot be started, or has not run to its end; not for tasks that fail.
 * @throws \JsonException (in the iteration) for a task that cannot be written as JSON.
 */
function run(iterable $tasks, array $options = []): \Generator
{
    return (new Run($tasks, $options))->results();
}

/** All results in a list, in the order of the tasks. Takes the options of run(), and throws what that does. */
function runAll(iterable $tasks, array $options = []): array
{
    $results = iterator_to_array(run($tasks, $options), false);
    usort($results, function (array $a, array $b): int {
        return $a['index'] <=> $b['index'];
    });
    return $results;
}

/** What a task has written to 'stdout' or 'stderr', byte by byte. */
function output(array $result, string $stream = 'stdout'): string
{
    return isset($result["{$stream}Base64"]) ? base64_decode($result["{$stream}Base64"]) : $result[$stream];
}

/** Drover could not go on, was ended, or could not be started. */
class DroverException extends \RuntimeException
{
    /** Its exit status. */
    public ?int $status;
    /** The number of the signal that it died of. Both are null when it was not started. */
    public ?int $signal;
    /** The end, 64 KiB at the most, of what it wrote to standard error. */
    public string $stderr;

    public function __construct(string $message, ?int $status = null, ?int $signal = null, string $stderr = '')
    {
        parent::__construct($message);
        $this->status = $status;
        $this->signal = $signal;
        $this->stderr = $stderr;
    }
}

/** A mistake in the options: drover has started nothing. */
class CallException extends DroverException
{
}

/** @internal Writes tasks while it reads results, waiting for neither alone. */
final class Run
{
    /** Options with a value. */
    public const VALUES = [
        'jobs' => '--jobs',
        'timeout' => '--timeout',
        'totalTimeout' => '--total-timeout',
        'retries' => '--retries',
        'backoff' => '--backoff',
        'delay' => '--delay',
        'halt' => '--halt',
        'killGrace' => '--kill-grace',
        'leftovers' => '--leftovers',
        'launcher' => '--launcher',
        'journal' => '--journal',
        'results' => '--results',
        'fsync' => '--fsync',
        'maxLine' => '--max-line',
        'maxOutput' => '--max-output',
        'tmpdir' => '--tmpdir',
    ];

    /** Options that are true or false. */
    public const SWITCHES = [
        'resume' => '--resume',
        'retryFailed' => '--retry-failed',
        'acceptChanges' => '--accept-changes',
        'keepOrder' => '--keep-order',
        'strict' => '--strict',
        'quiet' => '--quiet',
        'verbose' => '--verbose',
    ];

    private const READ_BYTES = 65536;
    private const WRITE_BYTES = 65536;
    private const KEPT_STDERR_BYTES = 65536;
    private const IDLE_MICROSECONDS = 50000;
    private const MOST_FAILURES = 100;
    private const TERM = 15;

    private const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;

    /** @var array<int, resource>|null what is running; null until there was anything */
    private static ?array $running = null;

    private \Iterator $tasks;
    private bool $hasBegun = false;
    /** @var string[] */
    private array $command;
    private ?string $cwd;
    private ?array $env;
    /** @var callable|null */
    private $onMessage;

    /** @var resource|null */
    private $process;
    /** @var array<int, resource> those of its pipes that are open */
    private array $pipes = [];
    /** What is being written, and how much of it was. */
    private string $line = '';
    private int $written = 0;
    private bool $isIdle = false;
    /** @var string[] the line that is being read */
    private array $pieces = [];
    private string $stderr = '';
    private int $failures = 0;
    /** Whether every task has a result when drover says that all is well. */
    private bool $isComplete;
    private int $given = 0;
    private int $got = 0;

    public function __construct(iterable $tasks, array $options)
    {
        if (is_array($tasks) && (isset($tasks['command']) || isset($tasks['cmd']))) {
            throw new \InvalidArgumentException('tasks must be a list of tasks, not one task');
        }
        $this->tasks = is_array($tasks) ? new \ArrayIterator($tasks) : new \IteratorIterator($tasks);
        $this->command = array_merge(self::program($options['program'] ?? null), ['run', '--tasks=-', '--json']);
        $this->cwd = $options['cwd'] ?? null;
        $this->env = self::environment($options['env'] ?? null);
        $this->onMessage = $options['onMessage'] ?? null;
        if ($this->onMessage !== null && !is_callable($this->onMessage)) {
            throw new \InvalidArgumentException('onMessage must be a function');
        }
        $this->isComplete = !isset($options['halt']) && empty($options['resume']) && empty($options['retryFailed']);
        unset($options['program'], $options['cwd'], $options['env'], $options['onMessage']);
        foreach ($options as $name => $value) {
            $this->addFlag((string) $name, $value);
        }
    }

    public function results(): \Generator
    {
        $this->start();
        try {
            while (isset($this->pipes[1]) || isset($this->pipes[2])) {
                [$readable, $isWritable] = $this->select();
                if ($this->failures > self::MOST_FAILURES) {
                    $reason = error_get_last()['message'] ?? 'the reason is not known';
                    throw new DroverException("cannot wait for drover: $reason");
                }
                $lines = [];
                foreach ($readable as $number) {
                    $chunk = fread($this->pipes[$number], self::READ_BYTES);
                    if ($chunk === false || $chunk === '') {
                        if (feof($this->pipes[$number])) {
                            $this->close($number);
                        }
                    } elseif ($number === 1) {
                        $lines = $this->cut($chunk);
                    } else {
                        $this->keep($chunk);
                    }
                }
                foreach ($lines as $line) {
                    yield $this->parse($line);
                }
                if ($this->isIdle) {
                    $this->isIdle = $lines === [] && $readable !== [];
                } elseif ($isWritable && $lines === []) {
                    $this->write();
                }
            }
            $this->check();
        } finally {
            $this->end();
        }
    }

    /** PHP finishes no generator after a fatal error. */
    public static function onShutdown(): void
    {
        if (((error_get_last()['type'] ?? 0) & self::FATAL) === 0) {
            return;
        }
        foreach (self::$running ?? [] as $process) {
            proc_terminate($process, self::TERM);
        }
    }

    /** @return string[] */
    private static function program($program): array
    {
        $program = $program ?? (getenv('DROVER') ?: 'drover');
        $parts = is_array($program) ? array_values($program) : [$program];
        if ($parts === [] || array_filter($parts, 'is_string') !== $parts) {
            throw new \InvalidArgumentException('program must be a path, or a list of a path and arguments');
        }
        return $parts;
    }

    private static function environment(?array $differences): ?array
    {
        if ($differences === null) {
            return null;
        }
        return array_filter($differences + getenv(), function ($value): bool {
            return $value !== null;
        });
    }

    private function addFlag(string $name, $value): void
    {
        if ($value === null) {
            return;
        }
        if (isset(self::VALUES[$name])) {
            if (!is_string($value) && !is_int($value) && !is_float($value)) {
                throw new \InvalidArgumentException("$name must be a string or a number");
            }
            // Before PHP 8 a float is written with the comma of the locale.
            $this->command[] = self::VALUES[$name] . '=' . (is_float($value) ? json_encode($value) : $value);
        } elseif (isset(self::SWITCHES[$name])) {
            if (!is_bool($value)) {
                throw new \InvalidArgumentException("$name must be true or false");
            }
            if ($value) {
                $this->command[] = self::SWITCHES[$name];
            }
        } else {
            throw new \InvalidArgumentException("there is no option $name");
        }
    }

    private function start(): void
    {
        $found = self::find($this->command[0], $this->env['PATH'] ?? (getenv('PATH') ?: ''));
        if ($found === null) {
            throw new DroverException(
                "there is no program {$this->command[0]}; install drover, or say by the option program or the variable "
                . 'DROVER where it is'
            );
        }
        if ($this->cwd !== null && !is_dir($this->cwd)) {
            throw new DroverException("cannot start {$this->command[0]}: there is no directory {$this->cwd}");
        }
        $command = array_merge([$found], array_slice($this->command, 1));
        $descriptors = [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']];
        $process = proc_open($command, $descriptors, $this->pipes, $this->cwd, $this->env);
        if (!is_resource($process)) {
            throw new DroverException("cannot start {$this->command[0]}");
        }
        $this->process = $process;
        if (self::$running === null) {
            register_shutdown_function([self::class, 'onShutdown']);
        }
        self::$running[spl_object_id($this)] = $process;
        foreach ($this->pipes as $pipe) {
            stream_set_blocking($pipe, false);
            stream_set_read_buffer($pipe, 0);
        }
    }

    /** The program's path; a relative one is meant from here, wherever drover is to be started. */
    private static function find(string $name, string $path): ?string
    {
        $places = strpos($name, '/') === false ? explode(':', $path) : [''];
        foreach ($places as $place) {
            $file = $place === '' ? $name : "$place/$name";
            if (is_file($file) && is_executable($file)) {
                return (string) realpath(dirname($file)) . '/' . basename($file);
            }
        }
        return null;
    }

    /** @return array{0: int[], 1: bool} the numbers of the pipes that can be read, and whether tasks can be written */
    private function select(): array
    {
        $read = array_intersect_key($this->pipes, [1 => true, 2 => true]);
        $write = isset($this->pipes[0]) && !$this->isIdle ? [$this->pipes[0]] : [];
        $except = null;
        $count = $this->isIdle
            ? @stream_select($read, $write, $except, 0, self::IDLE_MICROSECONDS)
            : @stream_select($read, $write, $except, null);
        if ($count !== false) {
            $this->failures = 0;
            return [array_keys($read), $write !== []];
        }
        // A signal came; or there are descriptors that are too high for it, and that does not change.
        $this->failures += 1;
        return [[], false];
    }

    private function write(): void
    {
        if ($this->written === strlen($this->line) && !$this->next()) {
            return;
        }
        $count = @fwrite($this->pipes[0], substr($this->line, $this->written, self::WRITE_BYTES));
        if ($count === false) {
            // It wants no more, as when it was halted.
            $this->close(0);
        } else {
            $this->written += $count;
        }
    }

    /** Whether there is another task to write. */
    private function next(): bool
    {
        if ($this->hasBegun) {
            $this->tasks->next();
        } else {
            $this->hasBegun = true;
            $this->tasks->rewind();
        }
        if (!$this->tasks->valid()) {
            $this->close(0);
            return false;
        }
        $task = $this->tasks->current();
        if ($task === null) {
            $this->isIdle = true;
            return false;
        }
        $this->line = self::lineOf($task);
        $this->written = 0;
        $this->given += 1;
        return true;
    }

    /**
     * The lines that have ended with this.
     *
     * @return string[]
     */
    private function cut(string $chunk): array
    {
        $lines = explode("\n", $chunk);
        $rest = array_pop($lines);
        if ($lines !== []) {
            $lines[0] = implode('', $this->pieces) . $lines[0];
            $this->pieces = [];
        }
        if ($rest !== '') {
            $this->pieces[] = $rest;
        }
        return $lines;
    }

    private function keep(string $chunk): void
    {
        $this->stderr = substr($this->stderr . $chunk, -self::KEPT_STDERR_BYTES);
        if ($this->onMessage !== null) {
            ($this->onMessage)($chunk);
        }
    }

    private function parse(string $line): array
    {
        $result = json_decode($line, true, 4096);
        if (!is_array($result)) {
            $shown = substr($line, 0, 200);
            throw new DroverException("drover printed what is no result: $shown", null, null, $this->stderr);
        }
        $this->got += 1;
        return $result;
    }

    /** Waits for the end of drover. */
    private function check(): void
    {
        if (isset($this->pipes[0])) {
            $this->close(0);
        }
        do {
            $status = proc_get_status($this->process);
        } while ($status['running'] && usleep(1000) === null);
        $said = substr(trim($this->stderr), -2000) ?: 'it said nothing';
        if ($status['signaled']) {
            $signal = $status['termsig'];
            throw new DroverException("drover was ended by signal $signal: $said", null, $signal, $this->stderr);
        }
        $code = $status['exitcode'];
        if ($code === 255) {
            throw new CallException("drover ended with exit status 255: $said", $code, null, $this->stderr);
        }
        if ($code < 0 || $code > 101) {
            throw new DroverException("drover ended with exit status $code: $said", $code, null, $this->stderr);
        }
        if ($code === 0 && $this->isComplete && $this->got < $this->given) {
            $message = "drover gave {$this->got} results for {$this->given} tasks; is {$this->command[0]} drover? $said";
            throw new DroverException($message, $code, null, $this->stderr);
        }
    }

    private function close(int $number): void
    {
        fclose($this->pipes[$number]);
        unset($this->pipes[$number]);
        if ($number === 0) {
            $this->line = '';
            $this->written = 0;
            $this->isIdle = false;
        }
    }

    /** Ends drover, unless it has ended, and with it all that it runs. */
    private function end(): void
    {
        unset(self::$running[spl_object_id($this)]);
        if (proc_get_status($this->process)['running']) {
            proc_terminate($this->process, self::TERM);
        }
        if (isset($this->pipes[0])) {
            $this->close(0);
        }
        // It may have something to print before it ends.
        while ($this->pipes !== [] && $this->failures <= self::MOST_FAILURES) {
            foreach ($this->select()[0] as $number) {
                $chunk = fread($this->pipes[$number], self::READ_BYTES);
                if (($chunk === false || $chunk === '') && feof($this->pipes[$number])) {
                    $this->close($number);
                }
            }
        }
        foreach (array_keys($this->pipes) as $number) {
            $this->close($number);
        }
        proc_close($this->process);
    }

    /** A task as a line of JSON. */
    private static function lineOf($task): string
    {
        if (is_string($task)) {
            $fields = ['command' => self::text($task)];
        } elseif (is_array($task) && $task !== [] && array_keys($task) === range(0, count($task) - 1)) {
            $parts = array_map([self::class, 'text'], $task);
            $fields = ['command' => $parts[0], 'args' => array_slice($parts, 1)];
        } elseif (is_array($task) || $task instanceof \stdClass) {
            $fields = new \stdClass();
            foreach ((array) $task as $name => $value) {
                $fields->$name = self::field((string) $name, $value);
            }
        } else {
            throw new \InvalidArgumentException(
                'a task is an array, a string for the shell, or a list of a program and its arguments, not ' . gettype($task)
            );
        }
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;
        return json_encode($fields, $flags, 4096) . "\n";
    }

    private static function field(string $name, $value)
    {
        if ($name === 'args' && is_array($value)) {
            return array_map([self::class, 'text'], array_values($value));
        }
        if ($name === 'env' && is_array($value)) {
            return (object) array_map([self::class, 'text'], $value);
        }
        return in_array($name, ['command', 'cmd', 'stdin'], true) ? self::text($value) : $value;
    }

    /** Bytes in the form that drover has for what is no UTF-8; everything else as it is. */
    private static function text($value)
    {
        return is_string($value) && preg_match('//u', $value) !== 1 ? ['base64' => base64_encode($value)] : $value;
    }
}
