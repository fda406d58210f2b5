/* SPDX-License-Identifier: MIT
 *
 * The configuration's keys: one table a mapping.  config.example shows them all.
 */
#include "policies/config_priv.h"

#define NAME_BYTES 200 /* time, policy and suffix of a point's directory fit in 255 */
#define PATH_BYTES 4095
#define SOCKET_BYTES 107 /* sun_path */
#define GLOB_BYTES 500
#define JOBS_MAX 1000
#define DURATION_MAX (INT64_C(100) * 366 * 86400)

static const char *const driver_words[] = {
    [DRIVER_QEMU] = "qemu", [DRIVER_LIBVIRT] = "libvirt", NULL};
static const char *const format_words[] = {[IMAGE_QCOW2] = "qcow2", [IMAGE_RAW] = "raw", NULL};
static const char *const mode_words[] = {[MODE_PUSH] = "push", [MODE_PULL] = "pull", NULL};
static const char *const quiesce_words[] = {
    [QUIESCE_OFF] = "off", [QUIESCE_TRY] = "try", [QUIESCE_REQUIRE] = "require", NULL};

/* The end of a row. */
#define PLAIN NULL, NULL, 0
#define WORDS(words) (words), NULL, 0
#define KEYS(keys) NULL, (keys), 0
#define ITEMS(keys, type) NULL, (keys), sizeof(type)

/* clang-format off */

#define AT(member) offsetof(struct config_disk, member)
static const struct config_key disk_keys[] = {
    {"name", CONFIG_NAME, 0, NAME_BYTES, NULL, AT(name), true,
     "the disk's target, such as vda", PLAIN},
    {"image", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(image), true, "the disk's image file", PLAIN},
    {"format", CONFIG_ENUM, 0, 0, "qcow2", AT(format), false, "qcow2 or raw",
     WORDS(format_words)},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_domain, member)
static const struct config_key domain_keys[] = {
    {"name", CONFIG_NAME, 0, NAME_BYTES, NULL, AT(name), true, "the domain's name", PLAIN},
    {"qmp", CONFIG_PATH, 0, SOCKET_BYTES, NULL, AT(qmp), true,
     "the path of QEMU's QMP socket", PLAIN},
    {"agent", CONFIG_PATH, 0, SOCKET_BYTES, NULL, AT(agent), false,
     "the path of the guest agent's socket", PLAIN},
    {"disks", CONFIG_LIST, 0, 0, NULL, AT(disks), false, "names and image files of its disks",
     ITEMS(disk_keys, struct config_disk)},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_host, member)
static const struct config_key host_keys[] = {
    {"name", CONFIG_NAME, 0, NAME_BYTES, NULL, AT(name), true, "what the host is called", PLAIN},
    {"driver", CONFIG_ENUM, 0, 0, NULL, AT(driver), true, "qemu or libvirt",
     WORDS(driver_words)},
    {"uri", CONFIG_STRING, 0, PATH_BYTES, NULL, AT(uri), false,
     "a libvirt URI, such as qemu:///system", PLAIN},
    {"domains", CONFIG_LIST, 0, 0, NULL, AT(domains), false, "the domains of driver qemu",
     ITEMS(domain_keys, struct config_domain)},
    {"tls_certificates", CONFIG_PATH, 0, PATH_BYTES, "/etc/pki/qemu", AT(tls_certificates), false,
     "the directory of QEMU's certificates for NBD", PLAIN},
    {"tls_verify", CONFIG_BOOL, 0, 0, "yes", AT(tls_verify), false,
     "yes or no: NBD clients need a certificate", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_secret, member)
static const struct config_key secret_keys[] = {
    {"name", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(name), true,
     "the secret's usage or UUID in a backup's XML", PLAIN},
    {"file", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(file), true,
     "the file that holds the passphrase", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_repository, member)
static const struct config_key repository_keys[] = {
    {"name", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(name), true, "what policies call it", PLAIN},
    {"path", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(path), true,
     "the directory of its restore points", PLAIN},
    {"reserve", CONFIG_SIZE, 0, 0, "0", AT(reserve), false,
     "what stays free of its file system, such as 10GiB", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_policy, member)
/* Its members are the policy's own: at offset 0. */
static const struct config_key schedule_keys[] = {
    {"incremental", CONFIG_CALENDAR, 0, 0, NULL, AT(incremental), false,
     "calendar expressions, such as \"Mon..Sat 02:30\"", PLAIN},
    {"full", CONFIG_CALENDAR, 0, 0, NULL, AT(full), false,
     "calendar expressions, such as \"Sun 02:30\"", PLAIN},
    {0},
};

static const struct config_key policy_keys[] = {
    {"name", CONFIG_NAME, 0, NAME_BYTES, NULL, AT(name), true, "what the policy is called", PLAIN},
    {"domains", CONFIG_GLOBS, 0, GLOB_BYTES, NULL, AT(domains), true,
     "globs of domains, such as \"*\"", PLAIN},
    {"disks", CONFIG_GLOBS, 0, GLOB_BYTES, "*", AT(disks), false,
     "globs of disks, such as \"*\"", PLAIN},
    {"repository", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(repository), true,
     "the name of one of the repositories", PLAIN},
    {"schedule", CONFIG_MAPPING, 0, 0, NULL, 0, false, "incremental, full or both",
     KEYS(schedule_keys)},
    {"mode", CONFIG_ENUM, 0, 0, "push", AT(mode), false, "push or pull", WORDS(mode_words)},
    {"quiesce", CONFIG_ENUM, 0, 0, "off", AT(quiesce), false, "off, try or require",
     WORDS(quiesce_words)},
    {"bandwidth", CONFIG_RATE, 0, 0, "0/s", AT(bandwidth), false,
     "what a job may copy, such as 50MiB/s", PLAIN},
    {"scratch", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(scratch), false,
     "a local directory for what the guest overwrites meanwhile", PLAIN},
    {"keep", CONFIG_KEEP, 0, 0, NULL, AT(keep), false,
     "retention rules, such as { daily: 7 }", PLAIN},
    {"rpo", CONFIG_DURATION, 1, DURATION_MAX, NULL, AT(rpo), false,
     "a duration, such as 26h", PLAIN},
    {"catch_up", CONFIG_BOOL, 0, 0, "yes", AT(catch_up), false, "yes or no", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_limits, member)
static const struct config_key limits_keys[] = {
    {"jobs", CONFIG_UINT, 1, JOBS_MAX, "4", AT(jobs), false,
     "how many jobs run at one time", PLAIN},
    {"jobs_per_host", CONFIG_UINT, 1, JOBS_MAX, "2", AT(jobs_per_host), false,
     "how many jobs run at one time on a host", PLAIN},
    {"jobs_per_repository", CONFIG_UINT, 1, JOBS_MAX, "4", AT(jobs_per_repository), false,
     "how many jobs run at one time on a repository", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config, member)
const struct config_key config_keys[] = {
    {"catalog", CONFIG_PATH, 0, PATH_BYTES, CONFIG_CATALOG_DEFAULT, AT(catalog), false,
     "the path of the catalog", PLAIN},
    {"control", CONFIG_PATH, 0, SOCKET_BYTES, "/run/vmkeep/control.sock", AT(control), false,
     "the path of the daemon's control socket", PLAIN},
    {"web", CONFIG_ADDRESS, 0, 300, NULL, AT(web), false,
     "where the status page is served, such as 127.0.0.1:9810", PLAIN},
    {"limits", CONFIG_MAPPING, 0, 0, NULL, AT(limits), false, "how many jobs run at one time",
     KEYS(limits_keys)},
    {"secrets", CONFIG_LIST, 0, 0, NULL, AT(secrets), false, "passphrases of encrypted backups",
     ITEMS(secret_keys, struct config_secret)},
    {"hosts", CONFIG_LIST, 0, 0, NULL, AT(hosts), false, "the hypervisors",
     ITEMS(host_keys, struct config_host)},
    {"repositories", CONFIG_LIST, 0, 0, NULL, AT(repositories), false,
     "where restore points are kept",
     ITEMS(repository_keys, struct config_repository)},
    {"policies", CONFIG_LIST, 0, 0, NULL, AT(policies), false,
     "what is backed up, when and where",
     ITEMS(policy_keys, struct config_policy)},
    {"unprotected", CONFIG_GLOBS, 0, GLOB_BYTES, NULL, AT(unprotected), false,
     "globs of domains that are meant to have no backups, such as \"lab/scratch-*\"", PLAIN},
    {"keep_history", CONFIG_DURATION, 86400, DURATION_MAX, "400d", AT(keep_history), false,
     "a duration of a day at least, such as 400d", PLAIN},
    {0},
};
#undef AT
