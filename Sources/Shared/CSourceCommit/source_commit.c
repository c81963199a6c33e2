#include "source_commit.h"

// A file of its own, so that another commit compiles nothing else anew.
const char *trainer_source_commit(void) { return SOURCE_COMMIT; }
