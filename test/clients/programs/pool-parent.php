<?php
// The parent's side of ssigwart/process-pool's protocol, written from its description alone: pool-parent.php COMMAND…
// Starts the command, sends it some requests, tells what it answers as JSON, and asks it to exit.

$process = proc_open(array_slice($argv, 1), [['pipe', 'r'], ['pipe', 'w'], STDERR], $pipes);
$answers = [];
foreach (['first', "two\nlines", '', "\xff\x00", str_repeat('long', 100000)] as $request) {
    fwrite($pipes[0], '1;' . strlen($request) . "\n" . $request);
    fflush($pipes[0]);
    $head = stream_get_line($pipes[1], 32, ';');
    $answer = '';
    while (strlen($answer) < (int) $head) {
        $answer .= fread($pipes[1], (int) $head - strlen($answer));
    }
    $answers[] = ['bytes' => (int) $head, 'sha1' => sha1($answer)];
}
fwrite($pipes[0], "0;\n");
fflush($pipes[0]);
$goodbye = stream_get_contents($pipes[1]);
array_map('fclose', $pipes);
echo json_encode(['answers' => $answers, 'goodbye' => $goodbye, 'status' => proc_close($process)]), "\n";
