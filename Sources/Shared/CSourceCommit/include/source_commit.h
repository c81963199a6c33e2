// The commit that the programs were built from, "unknown" if the build was not told: scripts/common.sh tells it.
const char *trainer_source_commit(void);
