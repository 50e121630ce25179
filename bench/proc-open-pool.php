<?php
// TaskRunner.php's approach: a small process of its own that keeps a pool of children started with proc_open.
//
//   php proc-open-pool.php parallel=N
//
// Tasks come as JSON lines on stdin: {"id": …, "cmd": …}. All are read and checked before the first is started.
// Results go to stdout as JSON lines in the order of completion: {"id": …, "status": …, "stdout": …, "stderr": …}.
// A fatal error is one line {"error": …} and exit status 1.

declare(strict_types=1);

function fail(string $message): never
{
    echo json_encode(['error' => $message]), "\n";
    exit(1);
}

function read_tasks(): array
{
    $tasks = [];
    while (($line = fgets(STDIN)) !== false) {
        $task = json_decode($line, true);
        if (!isset($task['id'], $task['cmd'])) fail('line ' . (count($tasks) + 1) . ': expected {"id": …, "cmd": …}');
        $tasks[] = $task;
    }
    return $tasks;
}

function start(array $task): array
{
    $process = proc_open($task['cmd'], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
    if ($process === false) fail("could not start {$task['id']}");
    foreach ($pipes as $pipe) stream_set_blocking($pipe, false);
    return ['task' => $task, 'process' => $process, 'pipes' => $pipes, 'output' => [1 => '', 2 => '']];
}

function finish(array $running): void
{
    $status = proc_close($running['process']);
    [1 => $stdout, 2 => $stderr] = $running['output'];
    $result = ['id' => $running['task']['id'], 'status' => $status, 'stdout' => $stdout, 'stderr' => $stderr];
    fwrite(STDOUT, json_encode($result, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}

$parallel = preg_match('/^parallel=(\d+)$/', $argv[1] ?? '', $match) ? max(1, (int) $match[1]) : 4;
$tasks = read_tasks();
$next = 0;
$pool = [];

while ($next < count($tasks) || $pool !== []) {
    while ($next < count($tasks) && count($pool) < $parallel) {
        $pool[$next] = start($tasks[$next]);
        $next++;
    }
    $ready = [];
    foreach ($pool as $slot => $running) {
        foreach ($running['pipes'] as $stream => $pipe) $ready["$slot.$stream"] = $pipe;
    }
    $write = $except = null;
    if (stream_select($ready, $write, $except, null) === false) fail('stream_select failed');
    foreach ($ready as $key => $pipe) {
        [$slot, $stream] = array_map(intval(...), explode('.', (string) $key));
        $chunk = fread($pipe, 65536);
        if ($chunk !== false && $chunk !== '') {
            $pool[$slot]['output'][$stream] .= $chunk;
        } elseif (feof($pipe)) {
            fclose($pipe);
            unset($pool[$slot]['pipes'][$stream]);
        }
        if ($pool[$slot]['pipes'] === []) {
            finish($pool[$slot]);
            unset($pool[$slot]);
        }
    }
}
