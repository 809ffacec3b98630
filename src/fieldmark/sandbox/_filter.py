"""The seccomp filter of a bubblewrap sandbox: kernel doors that code under test does not need and exploits do.

Refused with EPERM: new user namespaces and mounts, tracing and reading other processes, keys, kernel modules, BPF,
performance counters, clocks, reboot. Socket families other than local, IP and netlink do not exist (a virtual
machine's `AF_VSOCK` leads past the network namespace to its host). A program of another architecture is killed.
See seccomp(2) and linux/bpf_common.h for the numbers.
"""

from __future__ import annotations

import errno
import platform
import struct

_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FORBIDDEN = {  # name: (number on x86_64, number on aarch64); 0: not there
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "open_by_handle_at": (304, 265),
    "modify_ldt": (154, 0),
    "iopl": (172, 0),
    "ioperm": (173, 0),
}
_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_NEW_USER = 0x10000000
_FAMILIES = (1, 2, 10, 16)  # local, IPv4, IPv6, netlink

_LOAD, _EQUAL, _ATLEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST = 0, 4, 16
"""Offsets in the kernel's record of a call; an argument's low half comes first on both architectures."""
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000


def program() -> bytes | None:
    """The filter as the kernel reads it; None on an architecture it is not written for."""
    machine = platform.machine()
    if machine not in _ARCHES:
        return None
    which = list(_ARCHES).index(machine)
    lines = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _ARCHES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 numbers would be a way around
        lines += [(_ATLEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    for numbers in _FORBIDDEN.values():
        if numbers[which]:
            lines += [(_EQUAL, 0, 1, numbers[which]), (_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    # clone3 hides its flags in memory; without it C libraries use clone
    lines += [(_EQUAL, 0, 1, _CLONE3[which]), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    lines += [
        (_EQUAL, 0, 4, _CLONE[which]),
        (_LOAD, 0, 0, _FIRST),
        (_BITS, 0, 1, _NEW_USER),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    lines += [(_EQUAL, 1, 0, _SOCKET[which]), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, _FIRST)]
    for family in _FAMILIES:
        lines += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    lines.append((_RETURN, 0, 0, _REFUSE | errno.EAFNOSUPPORT))
    return b"".join(struct.pack("HBBI", *line) for line in lines)
