/* SPDX-License-Identifier: MIT
 *
 * Each kind of device has a row: what is done with it in any case, and what for a domain that is to
 * run beside the one it was made of.
 */
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/definition_priv.h"

typedef void change(const struct rewriting *w, xmlNode *device);

static void unset(xmlNode *node, const char *attribute)
{
    xmlUnsetProp(node, (const xmlChar *)attribute);
}

static char *child_attribute(const xmlNode *node, const char *child, const char *attribute)
{
    const xmlNode *n = definition_child(node, child);

    return n ? definition_attribute(n, attribute) : NULL;
}

static void remove_child(xmlNode *node, const char *child)
{
    definition_remove(definition_child(node, child));
}

/* ---- networks ---- */

/* The tap that libvirt made for it, and its port in the network. */
static void forget_tap(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *tap = child_attribute(device, "target", "dev");
    xmlNode *source = definition_child(device, "source");
    CLEANUP_FREE char *network = source ? definition_attribute(source, "network") : NULL;

    (void)w;
    if (tap && (strncmp(tap, "vnet", 4) == 0 || strncmp(tap, "macvtap", 7) == 0))
        remove_child(device, "target");
    if (network) {
        unset(source, "portid");
        unset(source, "bridge");
    }
}

static void new_address(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *mac = child_attribute(device, "mac", "address");
    xmlNode *mode = definition_child(device, "mac");

    if (!mac)
        return;
    definition_remove(mode);
    definition_note(w, "network card %s: gets an address of its own", mac);
}

static void new_cid(const struct rewriting *w, xmlNode *device)
{
    xmlNode *cid = definition_child(device, "cid");

    (void)w;
    if (!cid)
        return;
    definition_set(cid, "auto", "yes");
    unset(cid, "address");
}

/* ---- serial lines and channels ---- */

static void forget_tty(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *type = definition_attribute(device, "type");

    (void)w;
    unset(device, "tty");
    if (str_eq(type, "pty"))
        remove_child(device, "source");
}

static bool is_any(const char *s, const char *const *words)
{
    while (*words && !str_eq(s, *words))
        words++;
    return *words != NULL;
}

/* Libvirt makes a channel's socket; what else is outside of QEMU may be one domain's only. */
static void new_line(const struct rewriting *w, xmlNode *device)
{
    static const char *const harmless[] = {"pty",      "null",      "vc",           "stdio",
                                           "spicevmc", "spiceport", "qemu-vdagent", NULL};
    CLEANUP_FREE char *type = definition_attribute(device, "type");
    CLEANUP_FREE char *path = child_attribute(device, "source", "path");
    const bool channel = definition_is(device, "channel");

    remove_child(device, "log");
    if (!type || is_any(type, harmless))
        return;
    while (definition_child(device, "source"))
        remove_child(device, "source");
    if (channel && strcmp(type, "unix") == 0)
        return;
    remove_child(device, "protocol");
    definition_set(device, "type", "pty");
    definition_note(w, "%s of type %s%s%s%s: is a pty", (const char *)device->name, type,
                    path ? " (" : "", path ? path : "", path ? ")" : "");
}

/* ---- screens ---- */

static void forget_port(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *automatic = definition_attribute(device, "autoport");

    (void)w;
    if (!str_eq(automatic, "yes"))
        return;
    unset(device, "port");
    unset(device, "tlsPort");
}

static void new_port(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *port = definition_attribute(device, "port");
    CLEANUP_FREE char *socket = definition_attribute(device, "socket");

    if (port && strcmp(port, "-1") != 0) {
        definition_note(w, "screen on port %s: any free port", port);
        definition_set(device, "autoport", "yes");
        unset(device, "port");
        unset(device, "tlsPort");
        unset(device, "websocket");
    }
    if (socket) {
        definition_note(w, "screen on socket %s: libvirt's own", socket);
        unset(device, "socket");
        remove_child(device, "listen");
    }
}

/* ---- what only one domain can have ---- */

static void leave_out(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *type = definition_attribute(device, "type");
    CLEANUP_FREE char *path = child_attribute(device, "source", "dir");

    if (!path)
        path = child_attribute(device, "source", "path");
    definition_note(w, "%s%s%s%s%s%s: left out, a second domain cannot have it safely",
                    (const char *)device->name, type ? " of type " : "", type ? type : "",
                    path ? " (" : "", path ? path : "", path ? ")" : "");
    definition_remove(device);
}

static void leave_out_passed_through(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *type = definition_attribute(device, "type");

    if (str_eq(type, "evdev") || str_eq(type, "passthrough"))
        leave_out(w, device);
}

/* An emulated TPM's state lies under the domain's UUID. */
static void fresh_tpm(const struct rewriting *w, xmlNode *device)
{
    CLEANUP_FREE char *type = child_attribute(device, "backend", "type");

    if (!str_eq(type, "emulator")) {
        leave_out(w, device);
        return;
    }
    unset(definition_child(device, "backend"), "persistent_state");
    if (w->r->tpm)
        return;
    definition_note(w, "TPM: begins empty; what was sealed by it needs its recovery key");
}

static void leave_out_backed(const struct rewriting *w, xmlNode *device)
{
    if (definition_child(device, "source"))
        leave_out(w, device);
}

/* ---- the table ---- */

static const struct {
    const char *name;
    change *always, *beside;
} changes[] = {
    {"interface", forget_tap, new_address},
    {"vsock", NULL, new_cid},
    {"serial", forget_tty, new_line},
    {"console", forget_tty, new_line},
    {"parallel", forget_tty, new_line},
    {"channel", forget_tty, new_line},
    {"graphics", forget_port, new_port},
    {"hostdev", NULL, leave_out},
    {"filesystem", NULL, leave_out},
    {"shmem", NULL, leave_out},
    {"lease", NULL, leave_out},
    {"memory", NULL, leave_out_backed},
    {"input", NULL, leave_out_passed_through},
    {"tpm", NULL, fresh_tpm},
};

void definition_devices(const struct rewriting *w, xmlNode *devices)
{
    xmlNode *next;

    for (xmlNode *n = devices->children; n; n = next) {
        next = n->next;
        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
            if (!definition_is(n, changes[i].name))
                continue;
            if (changes[i].always)
                changes[i].always(w, n);
            if (changes[i].beside && !w->r->same_identity)
                changes[i].beside(w, n);
            break;
        }
    }
}
