#!/bin/sh
# Runs a program under the restrictions of deploy/hardening/telegraf.conf, without systemd:
#
#   restricted.sh FOLDER SYSCALLS PROGRAM [ARGUMENT...]
#
# The program finds FOLDER at /mnt. SYSCALLS is a file with the allowed system calls, one per line.
# The script needs root, and runs the program as the user nobody.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${IN_NAMESPACE-}" = "" ]; then
	IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
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
awk '{print $5}' /proc/self/mountinfo | while read -r mountpoint; do
	case $mountpoint in
	/proc | /dev | /dev/*) ;;
	*) mount -o remount,bind,ro "$mountpoint" 2>/dev/null || true ;;
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
# CapabilityBoundingSet, NoNewPrivileges, User; restricted.py adds system calls and address families.
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
	/usr/bin/python3 /mnt/restricted.py "$syscalls" "$@"
