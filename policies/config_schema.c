/* SPDX-License-Identifier: MIT
 *
 * The configuration's keys: one table a mapping.  config.example shows them all.
 */
#include "base/condition.h"
#include "policies/config_priv.h"

#define NAME_BYTES 200 /* time, policy and suffix of a point's directory fit in 255 */
#define PATH_BYTES 4095
#define SOCKET_BYTES 107 /* sun_path */
#define GLOB_BYTES 500
#define JOBS_MAX 1000
#define DURATION_MAX (INT64_C(100) * 366 * 86400)
#define FREEZE_MAX 600 /* vmkeep-libvirt's, too */

static const char *const driver_words[] = {
    [DRIVER_QEMU] = "qemu", [DRIVER_LIBVIRT] = "libvirt", NULL};
static const char *const format_words[] = {[IMAGE_QCOW2] = "qcow2", [IMAGE_RAW] = "raw", NULL};
static const char *const mode_words[] = {[MODE_PUSH] = "push", [MODE_PULL] = "pull", NULL};
static const char *const compress_words[] = {
    [COMPRESS_OFF] = "off", [COMPRESS_ZLIB] = "zlib", [COMPRESS_ZSTD] = "zstd", NULL};
static const char *const quiesce_words[] = {
    [QUIESCE_OFF] = "off", [QUIESCE_TRY] = "try", [QUIESCE_REQUIRE] = "require", NULL};

static const char *const webhook_words[] = {[WEBHOOK_JSON] = "json",
                                            [WEBHOOK_NTFY] = "ntfy",
                                            [WEBHOOK_ALERTMANAGER] = "alertmanager",
                                            [WEBHOOK_GOTIFY] = "gotify",
                                            NULL};

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
    {"address", CONFIG_STRING, 0, NAME_BYTES, NULL, AT(address), false,
     "where another machine's exports are read: its name or address", PLAIN},
    {"scratch", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(scratch), false,
     "a directory on another machine for what guests overwrite meanwhile", PLAIN},
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
     "what repositories call it; in a backup's XML, the secret's usage or UUID", PLAIN},
    {"file", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(file), true,
     "the file that holds the key or passphrase", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_repository, member)
/* Its member is the repository's own: at offset 0. */
static const struct config_key encrypt_keys[] = {
    {"secret", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(secret), true,
     "the name of one of the secrets", PLAIN},
    {0},
};

static const struct config_key repository_keys[] = {
    {"name", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(name), true, "what policies call it", PLAIN},
    {"path", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(path), true,
     "the directory of its restore points", PLAIN},
    {"reserve", CONFIG_SIZE, 0, 0, "0", AT(reserve), false,
     "what stays free of its file system, such as 10GiB", PLAIN},
    {"compress", CONFIG_ENUM, 0, 0, "off", AT(compress), false, "off, zlib or zstd",
     WORDS(compress_words)},
    {"encrypt", CONFIG_MAPPING, 0, 0, NULL, 0, false,
     "the secret that new images are encrypted with, such as { secret: main-key }",
     KEYS(encrypt_keys)},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_policy, member)
static const struct config_key full_after_keys[] = {
    {"incrementals", CONFIG_UINT, 1, 100000, NULL, AT(full_after.incrementals), false,
     "how many incrementals there are from one full to the next", PLAIN},
    {"age", CONFIG_DURATION, 3600, DURATION_MAX, NULL, AT(full_after.age), false,
     "how long it is from one full to the next, such as 90d", PLAIN},
    {0},
};

/* Its members are the policy's own: at offset 0. */
static const struct config_key schedule_keys[] = {
    {"incremental", CONFIG_CALENDAR, 0, 0, NULL, AT(incremental), false,
     "calendar expressions, such as \"Mon..Sat 02:30\"", PLAIN},
    {"full", CONFIG_CALENDAR, 0, 0, NULL, AT(full), false,
     "calendar expressions, such as \"Sun 02:30\"", PLAIN},
    {"full_after", CONFIG_MAPPING, 0, 0, NULL, 0, false,
     "when a full is made by itself: incrementals, age or both", KEYS(full_after_keys)},
    {0},
};

static const struct config_key verify_keys[] = {
    {"schedule", CONFIG_CALENDAR, 0, 0, NULL, AT(verify.schedule), true,
     "calendar expressions, such as \"Sat 12:00\"", PLAIN},
    {"sample", CONFIG_PERCENT, 1, 100, "100%", AT(verify.sample), false,
     "how much of each point is read each time, such as 10%", PLAIN},
    {"max_age", CONFIG_DURATION, 3600, DURATION_MAX, NULL, AT(verify.max_age), false,
     "after how long all of a point is read again, such as 30d", PLAIN},
    {"bandwidth", CONFIG_RATE, 0, 0, "0/s", AT(verify.bandwidth), false,
     "what a verification may read, such as 20MiB/s; else as the policy's bandwidth", PLAIN},
    {0},
};

#undef AT

#define AT(member) offsetof(struct config_copies, member)
static const struct config_key copy_keys[] = {
    {"repository", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(repository), true,
     "the name of another one of the repositories", PLAIN},
    {"keep", CONFIG_KEEP, 0, 0, NULL, AT(keep), false,
     "retention rules of the copies, such as { monthly: 12 }", PLAIN},
    {"schedule", CONFIG_CALENDAR, 0, 0, NULL, AT(schedule), false,
     "calendar expressions, such as \"Sun 06:00\"; else after each backup", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_mail, member)
static const struct config_key mail_keys[] = {
    {"to", CONFIG_TEXTS, 0, NAME_BYTES, NULL, AT(to), true,
     "addresses, such as ops@example.org", PLAIN},
    {"from", CONFIG_STRING, 0, NAME_BYTES, NULL, AT(from), false,
     "the sender's address, such as vmkeep@example.org", PLAIN},
    {"via", CONFIG_STRING, 0, NAME_BYTES, "sendmail", AT(via), false,
     "sendmail, smtp://HOST[:PORT] or smtps://HOST[:PORT]", PLAIN},
    {"credentials", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(credentials), false,
     "a file that holds the user and the password, a line each", PLAIN},
    {"ca", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(ca), false,
     "a file of certificates that are trusted instead of the system's", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_webhook, member)
static const struct config_key webhook_keys[] = {
    {"url", CONFIG_URL, 0, PATH_BYTES, NULL, AT(at.url), false,
     "where it is sent, such as https://example.org/hook", PLAIN},
    {"url_file", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(at.url_file), false,
     "a file that holds the URL", PLAIN},
    {"ca", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(at.ca), false,
     "a file of certificates that are trusted instead of the system's", PLAIN},
    {"format", CONFIG_ENUM, 0, 0, "json", AT(format), false,
     "json, ntfy, alertmanager or gotify", WORDS(webhook_words)},
    {"headers_file", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(headers_file), false,
     "a file that holds headers, a line each", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_healthchecks, member)
static const struct config_key healthchecks_keys[] = {
    {"url", CONFIG_URL, 0, PATH_BYTES, NULL, AT(at.url), false,
     "the check's ping URL, such as https://hc-ping.com/UUID", PLAIN},
    {"url_file", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(at.url_file), false,
     "a file that holds the URL", PLAIN},
    {"ca", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(at.ca), false,
     "a file of certificates that are trusted instead of the system's", PLAIN},
    {"every", CONFIG_DURATION, 60, 86400, "5m", AT(every), false,
     "how often it is pinged, such as 5m", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_target, member)
static const struct config_key target_keys[] = {
    {"name", CONFIG_LABEL, 0, NAME_BYTES, NULL, AT(name), false, "what the target is called",
     PLAIN},
    {"mail", CONFIG_MAPPING, 0, 0, NULL, AT(mail), false,
     "who gets mail, such as { to: ops@example.org }", KEYS(mail_keys)},
    {"webhook", CONFIG_MAPPING, 0, 0, NULL, AT(webhook), false,
     "a URL that is posted to, such as { url: \"https://example.org/hook\", format: ntfy }",
     KEYS(webhook_keys)},
    {"healthchecks", CONFIG_MAPPING, 0, 0, NULL, AT(healthchecks), false,
     "a check that is pinged, such as { url: \"https://hc-ping.com/UUID\" }",
     KEYS(healthchecks_keys)},
    {"command", CONFIG_TEXTS, 0, PATH_BYTES, NULL, AT(command), false,
     "a program and its arguments, such as [/etc/vmkeep/notify]", PLAIN},
    {"conditions", CONFIG_BITS, 0, 0, NULL, AT(conditions), false,
     "any of at-risk, unprotected, damaged, repository, full, copy, daemon, clock, "
     "other, or none", WORDS(condition_words)},
    {"report", CONFIG_REPORT, 0, 0, NULL, AT(report), false,
     "when it gets a report: calendar expressions, such as \"07:00\", or runs", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_policy, member)
/* One that gets pings of a policy's runs. */
static const struct config_key run_check_keys[] = {
    {"url", CONFIG_URL, 0, PATH_BYTES, NULL, AT(healthchecks.url), false,
     "the check's ping URL, such as https://hc-ping.com/UUID", PLAIN},
    {"url_file", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(healthchecks.url_file), false,
     "a file that holds the URL", PLAIN},
    {"ca", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(healthchecks.ca), false,
     "a file of certificates that are trusted instead of the system's", PLAIN},
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
    {"freeze_timeout", CONFIG_DURATION, 2, FREEZE_MAX, "10s", AT(freeze_timeout), false,
     "for how long a guest may be frozen, such as 10s", PLAIN},
    {"bandwidth", CONFIG_RATE, 0, 0, "0/s", AT(bandwidth), false,
     "what a job may copy, such as 50MiB/s", PLAIN},
    {"scratch", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(scratch), false,
     "a local directory for what the guest overwrites meanwhile", PLAIN},
    {"keep", CONFIG_KEEP, 0, 0, NULL, AT(keep), false,
     "retention rules, such as { daily: 7 }", PLAIN},
    {"verify", CONFIG_MAPPING, 0, 0, NULL, 0, false,
     "when points are read again, and how much of them", KEYS(verify_keys)},
    {"copy_to", CONFIG_LIST, 0, 0, NULL, AT(copy_to), false,
     "other repositories that get copies, such as [ { repository: offsite } ]",
     ITEMS(copy_keys, struct config_copies)},
    {"rpo", CONFIG_DURATION, 1, DURATION_MAX, NULL, AT(rpo), false,
     "a duration, such as 26h", PLAIN},
    {"catch_up", CONFIG_BOOL, 0, 0, "yes", AT(catch_up), false, "yes or no", PLAIN},
    {"healthchecks", CONFIG_MAPPING, 0, 0, NULL, 0, false,
     "a check that is told of each run, such as { url: \"https://hc-ping.com/UUID\" }",
     KEYS(run_check_keys)},
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
    {"verify", CONFIG_UINT, 1, JOBS_MAX, "1", AT(verify), false,
     "how many verifications run at one time", PLAIN},
    {0},
};
#undef AT

#define AT(member) offsetof(struct config_web_access, member)
static const struct config_key web_access_keys[] = {
    {"token", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(token), true,
     "a file that holds what whoever asks has to show", PLAIN},
    {"certificate", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(certificate), true,
     "a file of PEM, with those that signed it behind it", PLAIN},
    {"key", CONFIG_PATH, 0, PATH_BYTES, NULL, AT(key), true, "a file of PEM: the certificate's key",
     PLAIN},
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
    {"web_access", CONFIG_MAPPING, 0, 0, NULL, AT(web_access), false,
     "what it takes to see it: token, certificate and key", KEYS(web_access_keys)},
    {"limits", CONFIG_MAPPING, 0, 0, NULL, AT(limits), false, "how many jobs run at one time",
     KEYS(limits_keys)},
    {"secrets", CONFIG_LIST, 0, 0, NULL, AT(secrets), false,
     "keys of repositories, and passphrases of encrypted backups",
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
    {"notify", CONFIG_LIST, 0, 0, NULL, AT(notify), false, "who is told when something is wrong",
     ITEMS(target_keys, struct config_target)},
    {"keep_history", CONFIG_DURATION, 86400, DURATION_MAX, "400d", AT(keep_history), false,
     "a duration of a day at least, such as 400d", PLAIN},
    {0},
};
#undef AT
