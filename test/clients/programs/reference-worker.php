<?php
// A worker of ssigwart/process-pool, written from the description of its protocol alone. It uses nothing of drover.
//
// From the pool: "1;<bytes>\n<data>", a request; "0;\n", exit. To the pool, for each request: "<bytes>;<data>". Standard error is free.

while (($line = fgets(STDIN)) !== false) {
    if (trim($line) === '0;') {
        break;
    }
    $bytes = (int) explode(';', $line)[1];
    $data = '';
    while (strlen($data) < $bytes) {
        $data .= fread(STDIN, $bytes - strlen($data));
    }
    if ($data === 'complain') {
        fwrite(STDERR, "a complaint\n");
    }
    if ($data === 'die') {
        fwrite(STDERR, "the end\n");
        exit(3);
    }
    $answer = strrev($data);
    fwrite(STDOUT, strlen($answer) . ';' . $answer);
    fflush(STDOUT);
}
