# SPDX-License-Identifier: MIT
unit_test(cli commands)
