<?php
// A program that keeps much in memory and has its tasks run by a small process beside it, as with TaskRunner.php: php taskrunner.php RUNNER.
[, $runner] = $argv;
$tasks = tmpfile();
for ($n = 0; $n < 100; $n++) {
    fwrite($tasks, json_encode(["id" => "task_$n", "cmd" => "echo $n"]) . "\n");
}
$command = $runner . " tasks=" . escapeshellarg(stream_get_meta_data($tasks)["uri"]) . " parallel=4";
$lines = popen($command, "r");
$sum = 0;
$completed = 0;
while (($line = fgets($lines)) !== false) {
    $result = json_decode($line, true);
    if (isset($result["error"]) || $result["status"] !== 0) {
        exit("failed: $line");
    }
    $sum += (int) $result["stdout"];
    $completed++;
}
echo json_encode(["completed" => $completed, "sum" => $sum, "exit" => pclose($lines)]), "\n";
