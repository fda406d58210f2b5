/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"
#include "tests/support/domain_facts.h"

#define NOW 1525889631
#define DOC(inner) "<domaincheckpoint>\n" inner "\n</domaincheckpoint>"
#define DISKS(disks) DOC("<name>cp1</name><disks>\n" disks "\n</disks>")

/* ---- accepted ---- */

static const struct {
    const char *xml, *written;
} accepted[] = {
    {"<domaincheckpoint/>", "<domaincheckpoint/>\n"},
    {DOC("<description/>"), "<domaincheckpoint>\n"
                            "  <description></description>\n"
                            "</domaincheckpoint>\n"},
    /* formatcheckpoint.html: what is asked for */
    {"<domaincheckpoint><description>Completion of updates after OS install</description><disks>"
     "<disk name='vda' checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks>"
     "</domaincheckpoint>",
     "<domaincheckpoint>\n"
     "  <description>Completion of updates after OS install</description>\n"
     "  <disks>\n"
     "    <disk name=\"vda\" checkpoint=\"bitmap\"/>\n"
     "    <disk name=\"vdb\" checkpoint=\"no\"/>\n"
     "  </disks>\n"
     "</domaincheckpoint>\n"},
    /* and what libvirt makes of it */
    {"<domaincheckpoint><name>1525889631</name><description>a &lt;b&gt; &amp; 'c'</description>"
     "<parent><name>1525111885</name></parent><creationTime>1525889631</creationTime><disks>"
     "<disk name='vda' checkpoint='bitmap' bitmap='1525889631' size='1048576'/>"
     "<disk name='vdb' checkpoint='no'/></disks>"
     "<domain type='qemu' xmlns:q='u:q'><name>fedora</name><memory>1048576</memory><devices>"
     "<disk type='file'><source file='/path/to/file1'/></disk></devices><q:x/></domain>"
     "</domaincheckpoint>",
     "<domaincheckpoint>\n"
     "  <name>1525889631</name>\n"
     "  <description>a &lt;b&gt; &amp; 'c'</description>\n"
     "  <parent>\n"
     "    <name>1525111885</name>\n"
     "  </parent>\n"
     "  <creationTime>1525889631</creationTime>\n"
     "  <disks>\n"
     "    <disk name=\"vda\" checkpoint=\"bitmap\" bitmap=\"1525889631\" size=\"1048576\"/>\n"
     "    <disk name=\"vdb\" checkpoint=\"no\"/>\n"
     "  </disks>\n"
     "  <domain>\n"
     "    <name>fedora</name>\n"
     "  </domain>\n"
     "</domaincheckpoint>\n"},
    {DISKS("<disk name='/img/a&#10;b'/>"),
     "<domaincheckpoint>\n"
     "  <name>cp1</name>\n"
     "  <disks>\n"
     "    <disk name=\"/img/a&#10;b\" checkpoint=\"bitmap\"/>\n"
     "  </disks>\n"
     "</domaincheckpoint>\n"},
};

static void forms_that_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        CLEANUP(checkpoint_document_freep) struct checkpoint_document *d = NULL;
        CLEANUP(checkpoint_document_freep) struct checkpoint_document *again = NULL;
        CLEANUP_FREE char *text = NULL, *twice = NULL;
        struct err err = ERR_INIT;

        if (checkpoint_document_parse(accepted[i].xml, strlen(accepted[i].xml), &d, &err) < 0)
            fail_msg("%s\n%s", accepted[i].xml, err.msg);
        text = checkpoint_document_format(d);
        assert_string_equal(text, accepted[i].written);
        assert_int_equal(checkpoint_document_parse(text, strlen(text), &again, &err), 0);
        twice = checkpoint_document_format(again);
        assert_string_equal(twice, text);
        assert_int_equal(again->all_disks, d->all_disks);
    }
}

/* ---- refused ---- */

static const struct {
    const char *xml;
    enum err_code code;
    const char *said;
} refused[] = {
    {"", ERR_INVALID, "the document is empty: a <domaincheckpoint> is expected"},
    {"<domainbackup/>", ERR_INVALID,
     "line 1: <domainbackup>: a <domaincheckpoint> is expected, not this"},
    {"<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
     "<domaincheckpoint><description>&e;</description></domaincheckpoint>",
     ERR_INVALID, "line 1: <!DOCTYPE d>: a document must not have a DOCTYPE"},
    {"<domaincheckpoint>", ERR_INVALID,
     "line 1, column 19: not well-formed XML: Premature end of data in tag domaincheckpoint line "
     "1"},
    {DOC("<description>\xfe</description>"), ERR_INVALID,
     "line 2, column 14: not well-formed XML: Input is not proper UTF-8, indicate encoding !"},
    {"<domaincheckpoint redefine='yes'/>", ERR_UNSUPPORTED,
     "line 1: <domaincheckpoint>: unknown attribute redefine='yes'"},
    {DOC("<memory snapshot='no'/>"), ERR_UNSUPPORTED,
     "line 2: <memory>: not supported: a checkpoint is of disks, without the guest's memory"},
    {DOC("<state>running</state>"), ERR_UNSUPPORTED,
     "line 2: <state>: not supported: a checkpoint is of disks, and knows no state of the guest"},
    {DOC("<inactiveDomain/>"), ERR_UNSUPPORTED,
     "line 2: <inactiveDomain>: not supported: a checkpoint is of disks, and brings back no "
     "definition"},
    {DOC("<nam>cp1</nam>"), ERR_UNSUPPORTED,
     "line 2: <nam>: unknown element in <domaincheckpoint>; is <name> meant?"},
    {DOC("<name>a</name><name>b</name>"), ERR_INVALID,
     "line 2: <name>: stands twice in <domaincheckpoint>"},
    {DOC("<name/>"), ERR_INVALID,
     "line 2: <name>: '' is no checkpoint's name: letters, digits, '_', '-' and '.' make one"},
    {DOC("<name>.cp</name>"), ERR_INVALID,
     "line 2: <name>: '.cp' is no checkpoint's name: letters, digits, '_', '-' and '.' make one"},
    {DOC("<name>a/b</name>"), ERR_INVALID,
     "line 2: <name>: 'a/b' is no checkpoint's name: letters, digits, '_', '-' and '.' make one"},
    {DOC("<parent/>"), ERR_INVALID, "line 2: <parent>: <name> is missing"},
    {DOC("<parent>\n<name>a b</name></parent>"), ERR_INVALID,
     "line 3: <name>: 'a b' is no checkpoint's name: letters, digits, '_', '-' and '.' make one"},
    {DOC("<creationTime>noon</creationTime>"), ERR_INVALID,
     "line 2: <creationTime>: 'noon': it must be a number of seconds"},
    {DOC("<creationTime>-1</creationTime>"), ERR_INVALID,
     "line 2: <creationTime>: '-1': it must be a number of seconds"},
    {DOC("<disks/>"), ERR_INVALID,
     "line 2: <disks>: it lists no <disk>; without it, all disks are taken in that can be"},
    {DISKS("<disk/>"), ERR_INVALID, "line 3: <disk>: name= is missing: which disk?"},
    {DISKS("<disk name='vda'/><disk name='vda'/>"), ERR_INVALID,
     "line 3: disk 'vda': it is listed twice"},
    {DISKS("<disk name='vda' checkpoint='yes'/>"), ERR_INVALID,
     "line 3: disk 'vda': checkpoint='yes': it must be 'no' or 'bitmap'"},
    {DISKS("<disk name='vda' checkpoint='no' bitmap='cp1'/>"), ERR_INVALID,
     "line 3: disk 'vda': bitmap='cp1': a disk with checkpoint='no' has none"},
    {DISKS("<disk name='vda' checkpoint='no' size='4'/>"), ERR_INVALID,
     "line 3: disk 'vda': size='4': a disk with checkpoint='no' has none"},
    {DISKS("<disk name='vda' bitmap=''/>"), ERR_INVALID,
     "line 3: disk 'vda': bitmap='' is no checkpoint's name: letters, digits, '_', '-' and '.' "
     "make one"},
    {DISKS("<disk name='vda' size='big'/>"), ERR_INVALID,
     "line 3: disk 'vda': size='big': it must be a whole number from 0 to 9223372036854775807"},
    {DISKS("<disk name='vda' snapshot='no'/>"), ERR_UNSUPPORTED,
     "line 3: disk 'vda': unknown attribute snapshot='no'"},
    {DISKS("<disk name='vda'>\n<source/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <source>: unknown element in <disk>"},
};

static void forms_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct checkpoint_document *d = NULL;
        struct err err = ERR_INIT;

        if (checkpoint_document_parse(refused[i].xml, strlen(refused[i].xml), &d, &err) == 0)
            fail_msg("accepted: %s", refused[i].xml);
        assert_null(d);
        if (!str_eq(err.msg, refused[i].said))
            print_error("%s\n", refused[i].xml);
        assert_string_equal(err.msg, refused[i].said);
        assert_int_equal(err.code, refused[i].code);
    }
}

static void deep_and_large_documents(void **state)
{
    static char text[DOCUMENT_MAX + 1];
    struct checkpoint_document *d = NULL;
    struct err err = ERR_INIT;
    size_t len = (size_t)sprintf(text, "<domaincheckpoint>");

    (void)state;
    while (len + strlen("<domain>") < sizeof(text))
        len += (size_t)sprintf(text + len, "<domain>");
    assert_int_equal(checkpoint_document_parse(text, len, &d, &err), -1);
    assert_string_equal(err.msg, "line 1: <domain>: more than 32 elements in one another");
    memset(text, ' ', sizeof(text));
    assert_int_equal(checkpoint_document_parse(text, sizeof(text), &d, &err), -1);
    assert_string_equal(err.msg, "the document has 262145 bytes: 262144 are the most");
}

/* ---- completed ---- */

/* vda: qcow2 with a bitmap old; vdb: raw; vdc: qcow2; vdd and vde: qcow2, of one image; cd: an
 * empty drive. */
static struct domain_facts *facts(void)
{
    struct domain_facts *f = xcalloc(1, sizeof(*f));

    add_bitmap(add_disk(f, "vda", "/img/a", "qcow2"), "old", true, false);
    add_disk(f, "vdb", "/img/b", "raw");
    add_disk(f, "vdc", "/img/c", "qcow2");
    add_disk(f, "vdd", "/img/shared", "qcow2");
    add_disk(f, "vde", "/img/shared", "qcow2");
    add_aside(f, "cd", NULL, true);
    return f;
}

/* backup: names of disks, a blank between; NULL: no backup. */
static int complete(const char *xml, const char *backup, struct checkpoint_document **ret,
                    struct err *err)
{
    CLEANUP(domain_facts_freep) struct domain_facts *f = facts();
    CLEANUP_FREE char *names = xstrdup(backup);
    struct strlist disks = {0};
    int rc;

    for (char *save, *s = names ? strtok_r(names, " ", &save) : NULL; s;
         s = strtok_r(NULL, " ", &save))
        strlist_add(&disks, s);
    if (checkpoint_document_parse(xml, strlen(xml), ret, err) < 0)
        fail_msg("%s\n%s", xml, err->msg);
    rc = checkpoint_document_complete(*ret, f, backup ? &disks : NULL, NOW, err);
    strlist_done(&disks);
    return rc;
}

static void assert_completed(const char *xml, const char *backup, const char *expected)
{
    CLEANUP(checkpoint_document_freep) struct checkpoint_document *d = NULL;
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;

    if (complete(xml, backup, &d, &err) < 0)
        fail_msg("%s\n%s", xml, err.msg);
    text = checkpoint_document_format(d);
    assert_string_equal(text, expected);
}

static void everything_is_filled_in(void **state)
{
    (void)state;
    assert_completed("<domaincheckpoint/>", NULL,
                     "<domaincheckpoint>\n"
                     "  <name>1525889631</name>\n"
                     "  <creationTime>1525889631</creationTime>\n"
                     "  <disks>\n"
                     "    <disk name=\"vda\" checkpoint=\"bitmap\" bitmap=\"1525889631\"/>\n"
                     "    <disk name=\"vdc\" checkpoint=\"bitmap\" bitmap=\"1525889631\"/>\n"
                     "    <disk name=\"vdd\" checkpoint=\"bitmap\" bitmap=\"1525889631\"/>\n"
                     "    <disk name=\"vde\" checkpoint=\"bitmap\" bitmap=\"1525889631\"/>\n"
                     "    <disk name=\"vdb\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"cd\" checkpoint=\"no\"/>\n"
                     "  </disks>\n"
                     "</domaincheckpoint>\n");
}

static void only_what_is_backed_up_is_taken_in(void **state)
{
    (void)state;
    assert_completed(DOC("<name>cp1</name>"), "vdb vdc",
                     "<domaincheckpoint>\n"
                     "  <name>cp1</name>\n"
                     "  <creationTime>1525889631</creationTime>\n"
                     "  <disks>\n"
                     "    <disk name=\"vdc\" checkpoint=\"bitmap\" bitmap=\"cp1\"/>\n"
                     "    <disk name=\"vda\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"vdb\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"vdd\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"vde\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"cd\" checkpoint=\"no\"/>\n"
                     "  </disks>\n"
                     "</domaincheckpoint>\n");
}

static void what_is_for_output_is_forgotten(void **state)
{
    (void)state;
    assert_completed(DOC("<name>cp1</name><parent><name>old</name></parent>"
                         "<creationTime>7</creationTime><domain><name>d</name></domain>"
                         "<disks><disk name='/img/c' bitmap='cp1' size='8'/>"
                         "<disk name='vdb' checkpoint='no'/></disks>"),
                     NULL,
                     "<domaincheckpoint>\n"
                     "  <name>cp1</name>\n"
                     "  <creationTime>1525889631</creationTime>\n"
                     "  <disks>\n"
                     "    <disk name=\"vdc\" checkpoint=\"bitmap\" bitmap=\"cp1\"/>\n"
                     "    <disk name=\"vdb\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"vda\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"vdd\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"vde\" checkpoint=\"no\"/>\n"
                     "    <disk name=\"cd\" checkpoint=\"no\"/>\n"
                     "  </disks>\n"
                     "</domaincheckpoint>\n");
}

static const struct {
    const char *xml, *backup;
    enum err_code code;
    const char *said;
} unbearable[] = {
    {DISKS("<disk name='vdz'/>"), NULL, ERR_NOTFOUND,
     "disk 'vdz': the domain has no such disk; it has vda, vdb, vdc, vdd, vde, cd"},
    {DISKS("<disk name='vda'/><disk name='vdz' checkpoint='no'/>"), NULL, ERR_NOTFOUND,
     "disk 'vdz': the domain has no such disk; it has vda, vdb, vdc, vdd, vde, cd"},
    {DISKS("<disk name='/img/shared'/>"), NULL, ERR_INVALID,
     "disk '/img/shared': it is the image of more than one disk"},
    {DISKS("<disk name='vdc'/><disk name='/img/c'/>"), NULL, ERR_INVALID,
     "disk 'vdc': it is listed twice"},
    {DISKS("<disk name='vdb'/>"), NULL, ERR_UNSUPPORTED,
     "disk 'vdb': its image (raw) cannot hold a checkpoint, only qcow2 version 3 can; "
     "checkpoint='no' leaves it out"},
    {DISKS("<disk name='vda' bitmap='cp2'/>"), NULL, ERR_UNSUPPORTED,
     "disk 'vda': bitmap='cp2' is not supported: a bitmap bears its checkpoint's name, 'cp1'"},
    {DOC("<name>old</name>"), NULL, ERR_EXISTS, "disk 'vda': it has a checkpoint 'old' already"},
    {DOC("<name>old</name><disks><disk name='vdc'/></disks>"), NULL, ERR_EXISTS,
     "disk 'vda': it has a checkpoint 'old' already"},
    {DISKS("<disk name='vda'/>"), "vdc", ERR_INVALID,
     "disk 'vda': it is not backed up, so the backup's checkpoint cannot take it in; "
     "checkpoint='no' leaves it out"},
    {DISKS("<disk name='vda' checkpoint='no'/>"), NULL, ERR_INVALID,
     "the checkpoint takes in no disk: every one has checkpoint='no'"},
    {"<domaincheckpoint/>", "vdb", ERR_INVALID,
     "none of the disks can hold a checkpoint: only qcow2 version 3 images can"},
};

static void what_the_domain_does_not_bear(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unbearable); i++) {
        CLEANUP(checkpoint_document_freep) struct checkpoint_document *d = NULL;
        struct err err = ERR_INIT;

        if (complete(unbearable[i].xml, unbearable[i].backup, &d, &err) == 0)
            fail_msg("accepted: %s", unbearable[i].xml);
        assert_string_equal(err.msg, unbearable[i].said);
        assert_int_equal(err.code, unbearable[i].code);
    }
}

/* ---- redefined ---- */

static const struct {
    const char *xml;
    bool validate;
    enum err_code code;
    const char *said; /* ERR_NONE: its disks */
} redefined[] = {
    {DOC("<name>old</name><creationTime>7</creationTime>"), true, ERR_NONE,
     "vda:old vdb:no vdc:no vdd:no vde:no cd:no"},
    {DOC("<name>old</name><creationTime>7</creationTime><disks><disk name='/img/a'/>"
         "<disk name='vdb' checkpoint='no'/></disks>"),
     true, ERR_NONE, "vda:old vdb:no vdc:no vdd:no vde:no cd:no"},
    {DOC("<name>cp1</name><creationTime>7</creationTime><disks><disk name='vdc'/></disks>"), false,
     ERR_NONE, "vdc:cp1 vda:no vdb:no vdd:no vde:no cd:no"},
    {DOC("<creationTime>7</creationTime>"), false, ERR_INVALID,
     "<name> is missing: which checkpoint is redefined?"},
    {DOC("<name>old</name>"), false, ERR_INVALID,
     "<creationTime> is missing: a checkpoint that is redefined has one"},
    {DOC("<name>cp1</name><creationTime>7</creationTime>"), false, ERR_NOTFOUND,
     "no disk has a bitmap 'cp1'"},
    {DOC("<name>old</name><creationTime>7</creationTime><disks><disk name='vdz'/></disks>"), false,
     ERR_NOTFOUND, "disk 'vdz': the domain has no such disk; it has vda, vdb, vdc, vdd, vde, cd"},
    {DOC("<name>old</name><creationTime>7</creationTime><disks><disk name='vda' bitmap='b'/>"
         "</disks>"),
     false, ERR_UNSUPPORTED,
     "disk 'vda': bitmap='b' is not supported: a bitmap bears its checkpoint's name, 'old'"},
    {DOC("<name>old</name><creationTime>7</creationTime><disks><disk name='vda' checkpoint='no'/>"
         "</disks>"),
     false, ERR_INVALID, "the checkpoint takes in no disk: every one has checkpoint='no'"},
    {DOC("<name>old</name><creationTime>7</creationTime><disks><disk name='vdc'/></disks>"), true,
     ERR_NOTFOUND, "disk 'vdc': it has no bitmap 'old'"},
    {DOC("<name>torn</name><creationTime>7</creationTime>"), true, ERR_CORRUPT,
     "disk 'vdc': its bitmap 'torn' is inconsistent"},
    {DOC("<name>still</name><creationTime>7</creationTime>"), true, ERR_CORRUPT,
     "disk 'vdc': its bitmap 'still' does not record changes"},
    {DOC("<name>torn</name><creationTime>7</creationTime>"), false, ERR_NONE,
     "vdc:torn vda:no vdb:no vdd:no vde:no cd:no"},
};

static void assert_disks(const struct checkpoint_document *d, const char *want)
{
    char text[200] = "";

    for (size_t i = 0; i < d->disks.n; i++) {
        const struct checkpoint_document_disk *disk = &d->disks.items[i];

        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", i ? " " : "",
                 disk->name, disk->tracked ? disk->bitmap : "no");
    }
    assert_string_equal(text, want);
}

static void told_again(void **state)
{
    CLEANUP(domain_facts_freep) struct domain_facts *f = facts();

    (void)state;
    add_bitmap(&f->disks.items[2], "torn", true, true);
    add_bitmap(&f->disks.items[2], "still", false, false);
    for (size_t i = 0; i < ARRAY_LEN(redefined); i++) {
        CLEANUP(checkpoint_document_freep) struct checkpoint_document *d = NULL;
        struct err err = ERR_INIT;

        if (checkpoint_document_parse(redefined[i].xml, strlen(redefined[i].xml), &d, &err) < 0)
            fail_msg("%s\n%s", redefined[i].xml, err.msg);
        if (checkpoint_document_redefine(d, f, redefined[i].validate, &err) < 0)
            assert_string_equal(err.msg, redefined[i].said);
        else
            assert_disks(d, redefined[i].said);
        assert_int_equal(err.code, redefined[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_that_are_accepted),
        cmocka_unit_test(forms_that_are_refused),
        cmocka_unit_test(deep_and_large_documents),
        cmocka_unit_test(everything_is_filled_in),
        cmocka_unit_test(only_what_is_backed_up_is_taken_in),
        cmocka_unit_test(what_is_for_output_is_forgotten),
        cmocka_unit_test(what_the_domain_does_not_bear),
        cmocka_unit_test(told_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
