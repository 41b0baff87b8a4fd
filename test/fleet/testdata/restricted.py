"""Runs a program with the restrictions of systemd's SystemCallFilter, RestrictAddressFamilies,
RestrictNamespaces and MemoryDenyWriteExecute:

    restricted.py SYSCALLS PROGRAM [ARGUMENT...]
"""
import ctypes
import errno
import os
import socket
import sys

ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.EPERM
EQUAL, MASKED_EQUAL = 4, 7
PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN = 65, 1


class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare)]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
rules = seccomp.seccomp_init(DENY)


def allow(name, *conditions):
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number == -1:  # unknown to this libseccomp
        return
    array = (Compare * len(conditions))(*conditions)
    if seccomp.seccomp_rule_add_array(rules, ALLOW, number, len(conditions), array) not in (0, -errno.EEXIST):
        sys.exit(f"no rule for {name}")


CLONE_NEW = 0x7E020000  # the flags of all namespaces
with open(sys.argv[1]) as names:
    for name in names.read().split():
        if name == "socket":
            for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
                allow(name, Compare(0, EQUAL, family, 0))
        elif name == "clone":
            allow(name, Compare(0, MASKED_EQUAL, CLONE_NEW, 0))
        elif name not in ("unshare", "setns"):
            allow(name)
allow("execve")
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    print("This kernel is too old to deny memory that is writable and executable", file=sys.stderr)
if seccomp.seccomp_load(rules) != 0:
    sys.exit("the kernel refused the system call filter")
os.execv(sys.argv[2], sys.argv[2:])
