/* SPDX-License-Identifier: MIT
 *
 * condition: the kinds of things that targets of notifications are told of, as the configuration
 * names them.
 */
#ifndef VMKEEP_BASE_CONDITION_H
#define VMKEEP_BASE_CONDITION_H

/* id, word, meaning */
#define CONDITIONS(X)                                                                              \
    X(AT_RISK, "at-risk", "a promise is broken, or there is no good point")                        \
    X(UNPROTECTED, "unprotected", "no policy selects the domain")                                  \
    X(DAMAGED, "damaged", "points are damaged or missing, or a verification failed")               \
    X(REPOSITORY, "repository",                                                                    \
      "a repository is missing, read-only, or not what the catalog says")                          \
    X(FULL, "full", "a repository has no room for what comes next, or is full within 14 days")     \
    X(COPY, "copy", "copies in second repositories are behind")                                    \
    X(DAEMON, "daemon",                                                                            \
      "the daemon was down or crashed, cannot write its catalog, or the configuration is broken")  \
    X(CLOCK, "clock", "the clock was set, or is in doubt")                                         \
    X(OTHER, "other", "whatever else status wants somebody to act on")

#define CONDITION_ID(id, word, meaning) CONDITION_##id,
enum condition_kind { CONDITIONS(CONDITION_ID) CONDITION_COUNT };

#define CONDITION_TEXT(id, word, meaning) word " (" meaning "), "
#define CONDITION_WORDS CONDITIONS(CONDITION_TEXT)

/* In the order of the enum; ends with NULL. */
extern const char *const condition_words[];

#endif
