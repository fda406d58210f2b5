# SPDX-License-Identifier: MIT
unit_test(cli commands)
unit_test(cli init)
unit_test(cli point_copies)
