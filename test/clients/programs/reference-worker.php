<?php

// A worker of ssigwart/process-pool's protocol, written from what is told of that on the wire, with nothing of drover's:
//   to the worker     1;<bytes>\n<data>   a request      0;\n   exit
//   from the worker   <bytes>;<data>      what the request printed
// Standard error is as it is.

function handle(string $request): void
{
    if (strpos($request, 'die ') === 0) {
        fwrite(STDERR, "dying\n");
        exit((int) substr($request, 4));
    }
    if ($request === 'print without being asked') {
        ob_end_flush();
        echo 'unasked for';
        ob_start();
    }
    fwrite(STDERR, 'got ' . strlen($request) . "\n");
    echo strrev($request);
}

while (($head = fgets(STDIN)) !== false) {
    [$kind, $bytes] = explode(';', rtrim($head, "\n")) + [1 => ''];
    if ($kind === '0') {
        echo 'bye';
        exit(0);
    }
    if ($kind !== '1') {
        fwrite(STDERR, "no message: $head");
        exit(1);
    }
    $request = '';
    while (strlen($request) < (int) $bytes) {
        $request .= fread(STDIN, (int) $bytes - strlen($request));
    }
    ob_start();
    handle($request);
    $printed = ob_get_clean();
    echo strlen($printed), ';', $printed;
}
