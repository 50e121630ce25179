<?php

// Plays the scenario that is named, and prints what came of it as JSON. programs/client.py does the same.
declare(strict_types=1);

require __DIR__ . '/../../../clients/php/Drover.php';

use Drover\CallException;
use Drover\DroverException;

use function Drover\output;
use function Drover\run;
use function Drover\runAll;

const DROVER = ['node', __DIR__ . '/../../../bin/drover.cjs'];

function options(array $options = []): array
{
    return $options + ['program' => DROVER];
}

function echoes(int $count): Generator
{
    for ($n = 0; $n < $count; $n++) {
        yield ['id' => "task $n", 'command' => 'echo', 'args' => ["$n"]];
    }
}

function fields(array $result, string ...$names): array
{
    return array_map(function (string $name) use ($result) {
        return $result[$name];
    }, $names);
}

function caught(iterable $tasks, array $options): array
{
    try {
        return runAll($tasks, $options);
    } catch (DroverException $error) {
        return [
            'kind' => $error instanceof CallException ? 'call' : 'drover',
            'message' => $error->getMessage(),
            'status' => $error->status,
            'signal' => $error->signal === 9 ? 'SIGKILL' : $error->signal,
            'stderr' => $error->stderr,
        ];
    } catch (Throwable $error) {
        return ['kind' => 'other', 'message' => $error->getMessage()];
    }
}

$word = (string) getenv('WORD');

$scenarios = [
    'many' => function () {
        $found = [];
        foreach (run(echoes(2000), options(['jobs' => 4])) as $result) {
            if ($result['state'] === 'succeeded') {
                $found[$result['id']] = trim($result['stdout']);
            }
        }
        $right = 0;
        for ($n = 0; $n < 2000; $n++) {
            $right += ($found["task $n"] ?? null) === "$n" ? 1 : 0;
        }
        return [count($found), $right];
    },
    'ordered' => function () {
        $tasks = [['sleep', '0.4'], 'exit 3', ['echo', 'x']];
        $order = [];
        foreach (run($tasks, options(['jobs' => 3, 'keepOrder' => true])) as $result) {
            $order[] = $result['index'];
        }
        return [$order, array_column(runAll($tasks, options(['jobs' => 3])), 'index')];
    },
    'big' => function () {
        $script = 'cat; head -c 5000000 /dev/zero | tr "\\0" e >&2';
        $tasks = array_fill(0, 3, ['command' => $script, 'stdin' => str_repeat('o', 5000000)]);
        return array_map(function (array $result) {
            return [
                $result['stdout'] === str_repeat('o', 5000000),
                $result['stderr'] === str_repeat('e', 5000000),
            ];
        }, runAll($tasks, options()));
    },
    'failing' => function () {
        $tasks = [
            ['id' => 'well', 'command' => 'true'],
            ['id' => 'fails', 'command' => 'echo why >&2; exit 3'],
            ['id' => 'killed', 'command' => 'kill -9 $$'],
            ['id' => 'nowhere', 'command' => '/nowhere/program', 'args' => []],
            ['id' => 'slow', 'command' => 'sleep 100', 'timeoutMs' => 100],
            ['id' => 'bad', 'comand' => 'true'],
            ['id' => 'well', 'command' => 'echo again'],
        ];
        return array_map(function (array $result) {
            return fields($result, 'id', 'state', 'exitCode', 'signal', 'stderr');
        }, runAll($tasks, options()));
    },
    'bytes' => function () {
        $tasks = [
            ['command' => 'printf', 'args' => ['%s', "a\xffb"]],
            ['command' => "printf '\xfe'; printf '\\377' >&2"],
            ['command' => 'cat', 'args' => [], 'stdin' => "\x00\xff", 'env' => ['X' => "\xfd"]],
            ['command' => 'printf "$X"', 'env' => ['X' => "\xfd"]],
            'printf ü',
        ];
        return array_map(function (array $result) {
            return [bin2hex(output($result)), bin2hex(output($result, 'stderr'))];
        }, runAll($tasks, options()));
    },
    'mistakes' => function () {
        $nan = [['command' => 'true', 'meta' => NAN]];
        $raising = (function () {
            yield 'true';
            throw new RuntimeException('no more tasks');
        })();
        return [
            'jobs' => caught(['true'], options(['jobs' => 'zz'])),
            'program' => caught(['true'], ['program' => '/nowhere/drover']),
            'broken' => caught(['true'], ['program' => ['sh', '-c', 'echo on fire >&2; exit 102']]),
            'killed' => caught(['true'], ['program' => ['sh', '-c', 'kill -9 $$']]),
            'babbling' => caught(['true'], ['program' => ['sh', '-c', 'echo hello']]),
            'stranger' => caught(['true'], ['program' => 'true']),
            'option' => caught(['true'], options(['job' => 1])),
            'type' => caught(['true'], options(['keepOrder' => 1])),
            'task' => caught([12], options()),
            'json' => caught($nan, options()),
            'raising' => caught($raising, options()),
        ];
    },
    'variable' => function () {
        return array_column(runAll(['echo found']), 'stdout');
    },
    'place' => function () {
        $messages = '';
        $options = options([
            'cwd' => '/',
            'env' => ['COLOUR' => 'red', 'HOME' => null],
            'onMessage' => function (string $piece) use (&$messages) {
                $messages .= $piece;
            },
            'verbose' => true,
        ]);
        return [array_column(runAll(['pwd; echo $COLOUR $HOME'], $options), 'stdout'), $messages];
    },
    'feedback' => function () {
        $next = 1;
        $tasks = (function () use (&$next) {
            while ($next !== 0) {
                $task = $next === null ? null : "echo $next";
                $next = $next === 0 ? 0 : null;
                yield $task;
            }
        })();
        $seen = [];
        foreach (run($tasks, options()) as $result) {
            $seen[] = (int) $result['stdout'];
            $next = count($seen) === 5 ? 0 : end($seen) * 2;
        }
        return $seen;
    },
    'halted' => function () {
        $endless = (function () {
            while (true) {
                yield 'exit 1';
            }
        })();
        return count(runAll($endless, options(['halt' => 'now,fail=3']))) >= 3;
    },
    'early' => function () use ($word) {
        $endless = (function () use ($word) {
            yield 'echo first';
            while (true) {
                yield "sleep $word; :";
            }
        })();
        foreach (run($endless, options(['jobs' => 3])) as $result) {
            if ($result['state'] === 'succeeded') {
                break;
            }
        }
        return shell_exec('ps -eo args') !== null ? substr_count(shell_exec('ps -eo args'), "sleep $word") : null;
    },
    'leaves' => function () use ($word) {
        foreach (run(['echo first', "sleep $word; :"], options(['jobs' => 3])) as $result) {
            exit(7);
        }
    },
    'fails' => function () use ($word) {
        foreach (run(['echo first', "sleep $word; :"], options(['jobs' => 3])) as $result) {
            ini_set('memory_limit', '8M');
            str_repeat('x', 100000000);
        }
    },
    'waits' => function () use ($word) {
        foreach (run(['echo first', "sleep $word; :"], options(['jobs' => 3])) as $result) {
            echo "first\n";
        }
    },
    'nothing' => function () {
        return [runAll([], options()), iterator_to_array(run(new ArrayObject(['echo x']), options()))[0]['stdout']];
    },
];

echo json_encode($scenarios[$argv[1]](), JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
