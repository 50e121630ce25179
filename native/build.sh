#!/bin/sh
# Compiles the launcher; statically where there is a static libc. CC is the compiler, OUTPUT the file that it makes.
set -eu
cd "${0%/*}"
compiler=${CC:-cc}
output=${OUTPUT:-build/drover-launcher}
command -v "$compiler" >/dev/null || { echo "there is no C compiler $compiler" >&2; exit 1; }
mkdir -p "${output%/*}"
warnings='-std=c11 -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes'
probe=$output-probe-$$
trap 'rm -f "$probe" "$probe.c" "$output-new-$$"' EXIT
echo 'int main(void) { return 0; }' >"$probe.c"
static=-static
"$compiler" -static -o "$probe" "$probe.c" 2>/dev/null || static=
# shellcheck disable=SC2086
"$compiler" $warnings -D_DEFAULT_SOURCE ${CFLAGS:--O2} -s $static -o "$output-new-$$" src/*.c
mv "$output-new-$$" "$output"
