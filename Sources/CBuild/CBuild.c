#include "CBuild.h"

const char *cbuild_version(void) { return BUILD_VERSION; }

const char *cbuild_revision(void) { return BUILD_REVISION; }
