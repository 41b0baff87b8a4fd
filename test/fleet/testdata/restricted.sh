#!/bin/sh
# Runs a program under what deploy/hardening/telegraf.conf asks of systemd, without systemd:
#
#   restricted.sh FOLDER SYSCALLS PROGRAM [ARGUMENT...]
#
# FOLDER is what the program finds in /mnt, SYSCALLS a file with the system calls that are left to
# it, one in a line. It needs root, and starts the program as nobody.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${RESTRICTED-}" = "" ]; then
	RESTRICTED=mounts exec unshare --mount --propagation private "$0" "$@"
fi
mount --bind "$1" /mnt
install -m 644 "$2" "$here/restricted.py" /mnt/
syscalls=/mnt/$(basename "$2")
shift 2

# PrivateDevices
mount -t tmpfs tmpfs /media
for device in null zero full random urandom tty; do
	cp -a "/dev/$device" /media/
done
mount --move /media /dev 2>/dev/null || mount --bind /media /dev
# ProtectSystem=strict, ProtectKernelTunables: everything is read-only, /proc/sys and /sys too.
mount --bind /proc/sys /proc/sys
awk '{print $5}' /proc/self/mountinfo | while read -r place; do
	case $place in
	/proc | /dev | /dev/*) ;;
	*) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
	esac
done
# ProtectHome, PrivateTmp
for hidden in /home /root /run/user; do
	if [ -d "$hidden" ]; then mount -t tmpfs -o ro,mode=000 tmpfs "$hidden"; fi
done
for private in /tmp /var/tmp; do
	mount -t tmpfs -o mode=1777 tmpfs "$private"
done
cd /
umask 0077
# CapabilityBoundingSet, NoNewPrivileges, the account; then system calls and address families.
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
	/usr/bin/python3 /mnt/restricted.py "$syscalls" "$@"
