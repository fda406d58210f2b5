/* SPDX-License-Identifier: MIT */
#include "daemon/config_load.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

static void log_diagnostics(const struct diagnostics *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        CLEANUP_FREE char *line = diagnostic_format(&diags->items[i]);

        log_line(diags->items[i].warning ? LOG_LVL_WARNING : LOG_LVL_ERROR, "%s", line);
    }
}

int config_load(const char *path, struct config_file *ret, struct err *err)
{
    CLEANUP(config_copy_done) struct config_copy copy = {0};
    size_t errors;

    if (config_file_read(path, ret)) {
        log_diagnostics(&ret->diags);
        return 0;
    }
    errors = diagnostics_errors(&ret->diags);
    if (ret->text) {
        log_diagnostics(&ret->diags);
        return err_set(err, ERR_INVALID, "%s: %zu error%s; see `vmkeep check`", path, errors,
                       plural_s(errors));
    }
    if (config_copy_find(ret, &copy))
        return err_set(err, ERR_INVALID, "%s: %s; the last good one is %s: copy it back", path,
                       ret->diags.items[0].text, copy.path);
    return err_set(err, ERR_INVALID, "%s: %s", path, ret->diags.items[0].text);
}
