# SPDX-License-Identifier: MIT
unit_test(jobs claims)
