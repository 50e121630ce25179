<?php

require __DIR__ . '/../../../clients/php/DroverWorker.php';

Drover\Worker::serve(
    function ($request) {
        switch (is_array($request) ? $request['act'] : $request) {
            case 'print':
                echo 'printed ';
                print "twice\n";
                fwrite(STDERR, "complained\n");
                system('echo from a program');
                return 'value';
            case 'throw':
                echo 'tried';
                throw new DomainException('as it was told', 42);
            case 'exit':
                fwrite(STDERR, "on purpose\n");
                exit(7);
            case 'fatal':
                // More than memory_limit allows, which nothing can catch.
                ini_set('memory_limit', '16M');
                return str_repeat('x', 64 << 20);
            case 'type':
                return gettype($request['value']);
            case 'pid':
                return getmypid();
            default:
                return is_array($request) && array_key_exists('echo', $request) ? $request['echo'] : $request;
        }
    },
    function () {
        echo 'goodbye';
    },
    $argv[1] ?? 'auto'
);
