// Whoever imports Platform has the C library, whatever the system calls it.
@_exported import Glibc
