<?php

// Does what a request says: {"act": …}. Everything else comes back as it is. programs/worker.py does the same.
declare(strict_types=1);

require getenv('WORKER_FILE') ?: __DIR__ . '/../../../clients/php/DroverWorker.php';

final class TooFar extends RangeException
{
    public int $limit = 7;
}

$handled = 0;

Drover\serve([
    'protocol' => getenv('WORKER_PROTOCOL') ?: 'auto',
    'exit' => function () use (&$handled) {
        echo "goodbye after $handled\n";
        if (getenv('WORKER_EXIT') === 'throws') {
            throw new RuntimeException('no goodbye');
        }
    },
    'handle' => function ($request) use (&$handled) {
        $handled += 1;
        if (is_string($request) && strncmp($request, '{"act"', 6) === 0) {
            $request = json_decode($request, true);
        }
        $act = is_array($request) ? $request['act'] ?? null : null;
        switch ($act) {
            case 'print':
                (function () use ($request) {
                    echo $request['out'];
                    print "\n";
                })();
                fwrite(STDERR, $request['err'] . "\n");
                return $request['value'];
            case 'printMany':
                for ($n = 0; $n < $request['lines']; $n++) {
                    echo str_repeat('x', 99), "\n";
                }
                return 'printed';
            case 'everyWay':
                echo 'a';
                fwrite(fopen('php://output', 'w'), 'b');
                if (is_resource(STDOUT)) {
                    fwrite(STDOUT, 'c');
                }
                ob_start();
                echo 'd';
                return is_resource(STDOUT);
            case 'discard':
                echo 'kept';
                ob_start();
                echo 'thrown away';
                ob_end_clean();
                return 'fine';
            case 'closeBuffers':
                while (ob_get_level() > 0) {
                    ob_end_clean();
                }
                return 'closed';
            case 'closeAndOpen':
                ob_end_clean();
                ob_start();
                return 'closed';
            case 'bytes':
                return "\xff\x00\xfe";
            case 'many':
                return str_repeat('m', $request['size']);
            case 'throw':
                echo 'tried';
                throw new TooFar('too far', 42);
            case 'throwBytes':
                throw new RuntimeException("bad \xff byte");
            case 'unsendable':
                return [NAN];
            case 'exit':
                fwrite(STDERR, "oh no\n");
                exit($request['code']);
            case 'fatal':
                ini_set('memory_limit', '8M');
                return str_repeat('x', 100000000);
            case 'kill':
                posix_kill(posix_getpid(), SIGKILL);
                break;
            case 'child':
                $child = proc_open(['sh', '-c', 'cat; echo past PHP'], [], $pipes);
                return proc_close($child);
            case 'fork':
                $pid = pcntl_fork();
                if ($pid === 0) {
                    echo "in the child\n";
                    return 'of the child';
                }
                pcntl_waitpid($pid, $status);
                return 'of the parent';
            case 'untilCancelled':
                file_put_contents($request['file'], 'begun');
                while (!Drover\cancelled()) {
                    usleep(1000);
                }
                throw new RuntimeException('gave up');
            case 'heedSignals':
                pcntl_async_signals(true);
                pcntl_signal(SIGUSR1, function () {
                    echo str_repeat('signal', 20000);
                });
                return getmypid();
            case 'pid':
                return getmypid();
            case 'handled':
                return $handled;
            case 'warn':
                return $nothing['x'] ?? trigger_error('careful', E_USER_WARNING);
        }
        return $request;
    },
]);
