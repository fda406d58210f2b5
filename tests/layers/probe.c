/* SPDX-License-Identifier: MIT
 *
 * Links one layer whole: an upward call shows as an undefined symbol. Never run. */
int main(void)
{
    return 0;
}
