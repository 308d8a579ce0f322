// What this build is. Defined by the package manifest, which takes it from the environment of the build: the one
// thing about a build that its sources do not say.
#ifndef CBUILD_H
#define CBUILD_H

/// The release, as `git describe` names it.
const char *cbuild_version(void);
/// The commit, or nothing.
const char *cbuild_revision(void);

#endif
