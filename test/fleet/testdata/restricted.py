"""Starts a program with a filter of system calls, as systemd's SystemCallFilter,
RestrictAddressFamilies, RestrictNamespaces and MemoryDenyWriteExecute do:

    restricted.py SYSCALLS PROGRAM [ARGUMENT...]
"""
import ctypes
import errno
import os
import socket
import sys

ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
EQUAL, MASKED_EQUAL = 4, 7
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1


class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare)]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
program = seccomp.seccomp_init(REFUSE)


def allow(name, *conditions):
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number == -1:  # unknown to this libseccomp
        return
    array = (Compare * len(conditions))(*conditions)
    if seccomp.seccomp_rule_add_array(program, ALLOW, number, len(conditions), array) not in (0, -errno.EEXIST):
        sys.exit(f"no rule for {name}")


CLONE_NEW = 0x7E020000  # all kinds of namespaces
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
if libc.prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    print("This kernel is too old to refuse memory that is writable and executable", file=sys.stderr)
if seccomp.seccomp_load(program) != 0:
    sys.exit("the filter of system calls was refused")
os.execv(sys.argv[2], sys.argv[2:])
