# SPDX-License-Identifier: MIT
unit_test(policies plan)
unit_test(policies plan_levels)
unit_test(policies plan_random)
unit_test(policies retention)
unit_test(policies retention_random)
unit_test(policies zone)
unit_test(policies calendar)
unit_test(policies calendar_random)
