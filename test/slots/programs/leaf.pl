# Sleeps so many seconds, and notes from when to when: leaf.pl LOG SECONDS
use strict;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

my ($log, $seconds) = @ARGV;
my $begin = clock_gettime(CLOCK_MONOTONIC);
sleep $seconds;
my $end = clock_gettime(CLOCK_MONOTONIC);
open(my $file, '>>', $log) or die "$log: $!";
syswrite($file, "$begin $end\n");
