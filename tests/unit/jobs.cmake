# SPDX-License-Identifier: MIT
unit_test(jobs claims)
unit_test(scheduler clock_watch)
unit_test(scheduler noop_job SOURCES unit/noop_job.c)
unit_test(jobs obstacle)
unit_test(jobs rate)
unit_test(jobs survey_record SOURCES unit/catalog_support.c)
unit_test(jobs whose)
