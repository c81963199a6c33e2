// Whoever imports Platform has the C library, whatever the system calls it.
#if canImport(Glibc)
  @_exported import Glibc
#elseif canImport(Darwin)
  @_exported import Darwin
#endif
