<?php

// The pool's side of ssigwart/process-pool's protocol, written from what is told of that on the wire, with nothing of
// drover's. Starts the worker that its arguments name, sends it requests, and prints what came back as JSON.

$pipes = [];
$worker = proc_open(array_slice($argv, 1), [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);

function ask(array $pipes, string $request): string
{
    fwrite($pipes[0], '1;' . strlen($request) . "\n" . $request);
    $bytes = stream_get_line($pipes[1], 20, ';');
    if ($bytes === false || !ctype_digit($bytes)) {
        throw new UnexpectedValueException('no length: ' . var_export($bytes, true));
    }
    $answer = '';
    while (strlen($answer) < (int) $bytes && !feof($pipes[1])) {
        $answer .= fread($pipes[1], (int) $bytes - strlen($answer));
    }
    return $answer;
}

$answers = [];
foreach (['first', '', "ü\n\0;1;3\nabc", 'print', 'object'] as $request) {
    $answers[] = ask($pipes, $request);
}
$large = str_repeat('0123456789', 100000);
$isSame = ask($pipes, $large) === $large;
$isFailing = in_array('fail', $argv, true);
if ($isFailing) {
    fwrite($pipes[0], "1;4\nfail");
} else {
    fwrite($pipes[0], "0;\n");
}
$goodbye = stream_get_contents($pipes[1]);
$stderr = stream_get_contents($pipes[2]);
echo json_encode([
    'answers' => $answers,
    'large' => $isSame,
    'goodbye' => $goodbye,
    'stderr' => $stderr,
    'exitCode' => proc_close($worker),
]);
