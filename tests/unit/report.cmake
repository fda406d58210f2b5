# SPDX-License-Identifier: MIT
unit_test(report status USES PkgConfig::JANSSON)
unit_test(report table)
