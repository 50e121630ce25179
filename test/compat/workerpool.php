<?php
// A program that has commands run by go-workerpool: php workerpool.php RUNNER FOLDER.
[, $runner, $folder] = $argv;
$tasks = [];
for ($n = 0; $n < 20; $n++) {
    $tasks[] = ["identifier" => $n, "command" => "sh", "args" => ["-c", "echo $n; exit " . $n % 3]];
}
file_put_contents("$folder/in.json", json_encode($tasks));
exec("$runner --infile $folder/in.json --max_threads 3", $lines, $status);
$codes = [];
foreach (json_decode(end($lines), true) as $result) {
    if (trim($result["result_body"]) !== (string) $result["identifier"]) {
        exit("wrong: " . json_encode($result));
    }
    $codes[$result["identifier"]] = $result["exit_code"];
}
ksort($codes);
echo json_encode(["status" => $status, "lines" => count($lines), "codes" => array_values($codes)]), "\n";
