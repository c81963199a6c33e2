// OpenBLAS's C interface: cblas_sgemm and the openblas_* thread and core-name calls.
// Debian keeps the headers in a folder for each multi-arch triplet, which the compiler searches by itself.
#include <cblas.h>
