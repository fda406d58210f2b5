/* SPDX-License-Identifier: MIT */
#include "report/gather/job_json.h"

#include "report/json.h"

json_t *job_reasons_json(const struct job *j)
{
    /* What a job has found before it ends may stand there already. */
    if (!j->reason || (j->error == ERR_NONE && j->outcome == OUTCOME_NONE))
        return json_array();
    return json_pack("[{s:o, s:o}]", "code",
                     report_json_text(j->error != ERR_NONE ? err_code_name(j->error)
                                                           : job_outcome_name(j->outcome)),
                     "text", report_json_text(j->reason));
}

json_t *job_json(const struct job *j, bool interrupted)
{
    bool backup = j->guest;
    json_t *ret = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                            report_json_number(j->id), "kind", report_json_text(j->kind), "domain",
                            report_json_text(j->domain), "host", report_json_text(j->host),
                            "policy", report_json_text(*j->policy ? j->policy : NULL), "repository",
                            report_json_text(*j->repository ? j->repository : NULL), "level",
                            report_json_text(backup ? level_name(j->level) : NULL), "state",
                            report_json_text(job_state_name(j->state)), "step",
                            report_json_text(j->state == JOB_RUNNING ? j->step : NULL));
    json_t *more = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "outcome",
        report_json_text(j->outcome == OUTCOME_NONE ? NULL : job_outcome_name(j->outcome)),
        "reason", report_json_text(j->reason), "error",
        report_json_text(j->error == ERR_NONE ? NULL : err_code_name(j->error)), "why",
        report_json_text(j->why), "due", report_json_time(j->due), "created",
        report_json_time(j->created), "started", report_json_time(j->started), "ended",
        report_json_time(j->ended), "bytes_done", report_json_number((int64_t)j->bytes_done),
        "bytes_total", report_json_number((int64_t)j->bytes_total));

    json_object_set_new(more, "interrupted", json_boolean(interrupted));
    json_object_set_new(more, "reasons", job_reasons_json(j));
    json_object_update(ret, more);
    json_decref(more);
    return ret;
}
