# SPDX-License-Identifier: MIT
unit_test(engine qmp_client USES PkgConfig::JANSSON libev)
unit_test(engine qmp_ids)
unit_test(engine qmp_schema USES PkgConfig::JANSSON)
unit_test(engine qmp_view USES PkgConfig::JANSSON)
