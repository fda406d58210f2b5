# SPDX-License-Identifier: MIT
unit_test(scheduler control SOURCES unit/catalog_support.c USES PkgConfig::SQLITE libev)
