# SPDX-License-Identifier: MIT
unit_test(daemon control SOURCES unit/catalog_support.c USES PkgConfig::SQLITE libev)
