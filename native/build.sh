#!/bin/sh
# Compiles the launcher into build/drover-launcher; statically where there is a static libc.
set -eu
cd "${0%/*}"
compiler=${CC:-cc}
command -v "$compiler" >/dev/null || { echo "there is no C compiler $compiler" >&2; exit 1; }
mkdir -p build
warnings='-std=c11 -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes'
probe=build/probe-$$
trap 'rm -f "$probe" "$probe.c" "build/new-$$"' EXIT
echo 'int main(void) { return 0; }' >"$probe.c"
static=-static
"$compiler" -static -o "$probe" "$probe.c" 2>/dev/null || static=
# shellcheck disable=SC2086
"$compiler" $warnings -D_DEFAULT_SOURCE ${CFLAGS:--O2} -s $static -o "build/new-$$" src/*.c
mv "build/new-$$" build/drover-launcher
