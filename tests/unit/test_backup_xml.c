/* SPDX-License-Identifier: MIT
 *
 * <domainbackup>: what is read, how it is written again, and what is said of all the rest.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "tests/support/backup_request.h"

#define PUSH(disk) "<domainbackup>\n<disks>\n" disk "\n</disks></domainbackup>"
#define PULL(disk) "<domainbackup mode='pull'>\n<disks>\n" disk "\n</disks></domainbackup>"
#define INCREMENT(disk)                                                                            \
    "<domainbackup><incremental>cp1</incremental>\n<disks>\n" disk "\n</disks></domainbackup>"
#define SERVER(attributes) "<domainbackup mode='pull'>\n<server " attributes "/>\n</domainbackup>"
#define TARGET(inner) PUSH("<disk name='vda'><target file='/b/vda'>\n" inner "\n</target></disk>")
#define ENCRYPTION(attributes, secret)                                                             \
    TARGET("<encryption " attributes ">\n" secret "\n</encryption>")
#define NETWORK(target, host)                                                                      \
    PUSH("<disk name='vda' type='network'>\n<target " target ">\n" host "\n</target></disk>")
#define UUID "0f0e0d0c-0b0a-0908-0706-050403020100"

/* ---- accepted ---- */

static const struct {
    const char *xml, *written;
} accepted[] = {
    {"<domainbackup/>", "<domainbackup mode=\"push\"/>\n"},
    {"<?xml version='1.0' encoding='utf-8'?>\n<!-- all --><domainbackup mode='push'>\n"
     "</domainbackup>\n",
     "<domainbackup mode=\"push\"/>\n"},
    {"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><domainbackup/>",
     "<domainbackup mode=\"push\"/>\n"},
    {PUSH("<disk name='vda'/>"), "<domainbackup mode=\"push\">\n"
                                 "  <disks>\n"
                                 "    <disk name=\"vda\" backup=\"yes\" type=\"file\" "
                                 "backupmode=\"full\">\n"
                                 "      <driver type=\"qcow2\"/>\n"
                                 "    </disk>\n"
                                 "  </disks>\n"
                                 "</domainbackup>\n"},
    /* bases are mixed, the common one stands as it was written */
    {INCREMENT("<disk name='vda'/><disk name='vdb' incremental='cp0'/><disk name='vdc' "
               "backup='no'/>"),
     "<domainbackup mode=\"push\">\n"
     "  <incremental>cp1</incremental>\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"cp1\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdb\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"cp0\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdc\" backup=\"no\"/>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    /* as oVirt writes it */
    {PULL("<disk name='sda' type='file'><scratch file='/s/sda'><seclabel model='dac' relabel='no'/>"
          "<seclabel model='selinux' relabel='no'/></scratch></disk>"),
     "<domainbackup mode=\"pull\">\n"
     "  <server transport=\"tcp\" name=\"localhost\"/>\n"
     "  <disks>\n"
     "    <disk name=\"sda\" backup=\"yes\" type=\"file\" backupmode=\"full\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "      <scratch file=\"/s/sda\"/>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    /* formatbackup.html's first example */
    {"<domainbackup><disks>"
     "<disk name='vda' backup='yes'/>"
     "<disk name='vdb' type='file'><target file='/path/to/vdb.backup'/><driver type='raw'/></disk>"
     "<disk name='vdc' backup='no'/>"
     "</disks></domainbackup>",
     "<domainbackup mode=\"push\">\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"full\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdb\" backup=\"yes\" type=\"file\" backupmode=\"full\">\n"
     "      <driver type=\"raw\"/>\n"
     "      <target file=\"/path/to/vdb.backup\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdc\" backup=\"no\"/>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    /* and its second */
    {"<domainbackup mode=\"pull\"><incremental>1525889631</incremental>"
     "<server transport=\"unix\" socket=\"/path/to/server\"/><disks>"
     "<disk name='vda' backup='yes' type='file'><scratch file='/path/to/file1.scratch'/></disk>"
     "</disks></domainbackup>",
     "<domainbackup mode=\"pull\">\n"
     "  <incremental>1525889631</incremental>\n"
     "  <server transport=\"unix\" socket=\"/path/to/server\"/>\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"1525889631\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "      <scratch file=\"/path/to/file1.scratch\"/>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    /* each disk as it says itself */
    {INCREMENT("<disk name='vda'/><disk name='vdb' backupmode='full'/>"
               "<disk name='vdc' incremental='cp0'/>"
               "<disk name='vdd' backupmode='incremental' incremental='cp2'/>"
               "<disk name='vde' backupmode='incremental'/>"),
     "<domainbackup mode=\"push\">\n"
     "  <incremental>cp1</incremental>\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"cp1\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdb\" backup=\"yes\" type=\"file\" backupmode=\"full\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdc\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"cp0\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vdd\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"cp2\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "    <disk name=\"vde\" backup=\"yes\" type=\"file\" backupmode=\"incremental\" "
     "incremental=\"cp1\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    {PUSH("<disk name='sda' type='block' index='7'><target dev='/dev/vg/b'>"
          "<encryption format='luks' engine='qemu'><secret type='passphrase' uuid='" UUID "'/>"
          "</encryption></target></disk>"),
     "<domainbackup mode=\"push\">\n"
     "  <disks>\n"
     "    <disk name=\"sda\" backup=\"yes\" type=\"block\" backupmode=\"full\" index=\"7\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "      <target dev=\"/dev/vg/b\">\n"
     "        <encryption format=\"luks\">\n"
     "          <secret type=\"passphrase\" uuid=\"" UUID "\"/>\n"
     "        </encryption>\n"
     "      </target>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    {"<domainbackup mode='pull'><server tls='yes' name='::1' port='10900'/><disks>"
     "<disk name='vda' type='block' exportname='a' exportbitmap='b' incremental='cp'>"
     "<driver type='qcow2'/><scratch dev='/dev/s'><encryption format='luks'>"
     "<secret type='passphrase' usage='a &quot;b&quot;'/></encryption></scratch></disk>"
     "</disks></domainbackup>",
     "<domainbackup mode=\"pull\">\n"
     "  <incremental>cp</incremental>\n"
     "  <server transport=\"tcp\" name=\"::1\" port=\"10900\" tls=\"yes\"/>\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"block\" backupmode=\"incremental\" "
     "incremental=\"cp\" exportname=\"a\" exportbitmap=\"b\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "      <scratch dev=\"/dev/s\">\n"
     "        <encryption format=\"luks\">\n"
     "          <secret type=\"passphrase\" usage=\"a &quot;b&quot;\"/>\n"
     "        </encryption>\n"
     "      </scratch>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    {"<domainbackup mode='pull'/>", "<domainbackup mode=\"pull\">\n"
                                    "  <server transport=\"tcp\" name=\"localhost\"/>\n"
                                    "</domainbackup>\n"},
    {SERVER("transport='tcp' port='0' tls='no'"),
     "<domainbackup mode=\"pull\">\n"
     "  <server transport=\"tcp\" name=\"localhost\"/>\n"
     "</domainbackup>\n"},
    {NETWORK("protocol='nbd' name='e' tls='yes'", "<host name='nas' port='10810'/>"),
     "<domainbackup mode=\"push\">\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"network\" backupmode=\"full\">\n"
     "      <driver type=\"raw\"/>\n"
     "      <target protocol=\"nbd\" name=\"e\" tls=\"yes\">\n"
     "        <host transport=\"tcp\" name=\"nas\" port=\"10810\"/>\n"
     "      </target>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    {NETWORK("protocol='nbd'", "<host transport='unix' socket='/run/nbd'/>"),
     "<domainbackup mode=\"push\">\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"network\" backupmode=\"full\">\n"
     "      <driver type=\"raw\"/>\n"
     "      <target protocol=\"nbd\">\n"
     "        <host transport=\"unix\" socket=\"/run/nbd\"/>\n"
     "      </target>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
    /* what must be escaped */
    {PUSH("<disk name='vda'><target file='/a&amp;&lt;&apos;&quot;&#10;\xc3\xa9'/></disk>"),
     "<domainbackup mode=\"push\">\n"
     "  <disks>\n"
     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"full\">\n"
     "      <driver type=\"qcow2\"/>\n"
     "      <target file=\"/a&amp;&lt;'&quot;&#10;&#xE9;\"/>\n"
     "    </disk>\n"
     "  </disks>\n"
     "</domainbackup>\n"},
};

static void forms_that_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        CLEANUP(backup_document_freep) struct backup_document *d = NULL;
        CLEANUP(backup_document_freep) struct backup_document *again = NULL;
        CLEANUP_FREE char *text = NULL;
        struct err err = ERR_INIT;

        if (backup_document_parse(accepted[i].xml, strlen(accepted[i].xml), &d, &err) < 0)
            fail_msg("%s\n%s", accepted[i].xml, err.msg);
        text = backup_document_format(&d->request);
        assert_string_equal(text, accepted[i].written);
        assert_int_equal(backup_document_parse(text, strlen(text), &again, &err), 0);
        assert_requests_equal(&again->request, &d->request);
    }
}

static void a_request_of_every_kind_is_read_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_sample_requests; i++) {
        CLEANUP(backup_document_freep) struct backup_document *d = NULL;
        CLEANUP_FREE char *text = backup_document_format(&sample_requests[i]);
        struct err err = ERR_INIT;

        if (backup_document_parse(text, strlen(text), &d, &err) < 0)
            fail_msg("%s\n%s", text, err.msg);
        assert_requests_equal(&d->request, &sample_requests[i]);
    }
}

static void what_xml_cannot_hold_is_replaced(void **state)
{
    CLEANUP_FREE char *text = NULL;
    const struct backup_disk disk = {
        .name = "vda",
        .format = "qcow2",
        .place = {.type = PLACE_FILE,
                  .path = "/a\x01"
                          "b\xff"
                          "c\xed\xa0\x80"
                          "d\xc3"},
    };

    (void)state;
    text = backup_document_format(&(struct backup_request){.disks = &disk, .n_disks = 1});
    assert_non_null(strstr(text, "file=\"/a?b?c???d?\""));
}

static void who_does_not_take_part_is_known(void **state)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    const char *xml = PUSH("<disk name='vda' backup='no'/><disk name='vdb'/>");
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(backup_document_parse(xml, strlen(xml), &d, &err), 0);
    assert_false(d->all_disks);
    assert_int_equal(d->disks.n, 2);
    assert_int_equal(d->marks.n, 2);
    assert_false(d->marks.items[0].takes_part);
    assert_true(d->marks.items[1].takes_part);
    assert_int_equal(d->request.n_disks, 1);
    assert_string_equal(d->request.disks[0].name, "vdb");
}

/* ---- refused ---- */

#define LONG_NAME "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"

static const struct {
    const char *xml;
    enum err_code code;
    const char *said;
} refused[] = {
    /* the root */
    {"", ERR_INVALID, "the document is empty: a <domainbackup> is expected"},
    {"<notabackup/>", ERR_INVALID, "line 1: <notabackup>: a <domainbackup> is expected, not this"},
    {"<domaincheckpoint/>", ERR_INVALID,
     "line 1: <domaincheckpoint>: a <domainbackup> is expected, not this"},
    {"<domainbackup mode='shove'/>", ERR_INVALID,
     "line 1: <domainbackup>: mode='shove': it must be 'push' or 'pull'"},
    {"<domainbackup id='4'/>", ERR_UNSUPPORTED, "line 1: <domainbackup>: unknown attribute id='4'"},
    {"<domainbackup mod='pull'/>", ERR_UNSUPPORTED,
     "line 1: <domainbackup>: unknown attribute mod='pull'; is 'mode' meant?"},
    {"<domainbackup xml:lang='en'/>", ERR_UNSUPPORTED,
     "line 1: <domainbackup>: attribute 'lang' of another namespace"},
    {"<domainbackup xmlns='u:v'/>", ERR_UNSUPPORTED,
     "line 1: <domainbackup>: namespaces are not supported"},
    {"<domainbackup>\nall of it</domainbackup>", ERR_INVALID,
     "line 1: <domainbackup>: the text 'all of it' has no place here"},
    {"<domainbackup>\n<?now?></domainbackup>", ERR_UNSUPPORTED,
     "line 1: <domainbackup>: a processing instruction or reference 'now' has no place here"},
    {"<domainbackup>\n<vmstate/></domainbackup>", ERR_UNSUPPORTED,
     "line 2: <vmstate>: not supported: a backup is of disks, without the guest's memory"},
    {"<domainbackup>\n<memory/></domainbackup>", ERR_UNSUPPORTED,
     "line 2: <memory>: not supported: a backup is of disks, without the guest's memory"},
    {"<domainbackup>\n<snapshot/></domainbackup>", ERR_UNSUPPORTED,
     "line 2: <snapshot>: unknown element in <domainbackup>"},
    {"<domainbackup>\n<increment/></domainbackup>", ERR_UNSUPPORTED,
     "line 2: <increment>: unknown element in <domainbackup>; is <incremental> meant?"},
    {"<domainbackup><incremental>a</incremental>\n<incremental>b</incremental></domainbackup>",
     ERR_INVALID, "line 2: <incremental>: stands twice in <domainbackup>"},
    {"<domainbackup>\n<incremental/></domainbackup>", ERR_INVALID,
     "line 2: <incremental>: '' is no checkpoint's name: letters, digits, '_', '-' and '.' make "
     "one"},
    {"<domainbackup><incremental> cp1</incremental></domainbackup>", ERR_INVALID,
     "line 1: <incremental>: ' cp1' is no checkpoint's name: letters, digits, '_', '-' and '.' "
     "make one"},
    {"<domainbackup><incremental><b/></incremental></domainbackup>", ERR_UNSUPPORTED,
     "line 1: <b>: unknown element in <incremental>"},

    /* disks */
    {"<domainbackup>\n<disks/></domainbackup>", ERR_INVALID,
     "line 2: <disks>: it lists no <disk>; without it, all disks are backed up"},
    {PUSH("<disk name='vda' backup='no'/>"), ERR_INVALID,
     "line 2: <disks>: no disk is backed up: every one has backup='no'"},
    {PUSH("<disk/>"), ERR_INVALID, "line 3: <disk>: name= is missing: which disk?"},
    {PUSH("<disk name=''/>"), ERR_INVALID, "line 3: disk '': name= is missing: which disk?"},
    {PUSH("<disk name='vda'/>\n<disk name='vda'/>"), ERR_INVALID,
     "line 4: disk 'vda': it is listed twice"},
    {PUSH("<disk name='vda' backup='maybe'/>"), ERR_INVALID,
     "line 3: disk 'vda': backup='maybe': it must be 'no' or 'yes'"},
    {PUSH("<disk name='vda' index='x'/>"), ERR_INVALID,
     "line 3: disk 'vda': index='x': it must be a whole number from 1 to 2147483647"},
    {PUSH("<disk name='vda' exportnam='x'/>"), ERR_UNSUPPORTED,
     "line 3: disk 'vda': unknown attribute exportnam='x'; is 'exportname' meant?"},
    {PUSH("<disk name='vda' type='dir'/>"), ERR_INVALID,
     "line 3: disk 'vda': type='dir': it must be 'file' or 'block' or 'network'"},
    {PUSH("<disk name='vda' type='block'/>"), ERR_INVALID,
     "line 3: disk 'vda': type='block' needs a <target>"},
    {PULL("<disk name='vda' type='block'/>"), ERR_INVALID,
     "line 3: disk 'vda': type='block' needs a <scratch>"},
    {PUSH("<disk name='vda' type='network'/>"), ERR_INVALID,
     "line 3: disk 'vda': type='network' needs a <target>"},
    {PULL("<disk name='vda' type='network'/>"), ERR_UNSUPPORTED,
     "line 3: disk 'vda': type='network' is not supported: scratch space must be on this host"},
    {PUSH("<disk name='vda'>\n<source file='/x'/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <source>: unknown element in <disk>"},
    {PUSH("<disk name='vda'>\n<scratch file='/x'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <scratch>: a backup with mode='push' has a <target>"},
    {PULL("<disk name='vda'>\n<target file='/x'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: a backup with mode='pull' has a <scratch>"},
    {PUSH("<disk name='vda'><target file='/x'/>\n<target file='/y'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: stands twice in <disk>"},

    /* modes */
    {PUSH("<disk name='vda' backupmode='differential'/>"), ERR_INVALID,
     "line 3: disk 'vda': backupmode='differential': it must be 'full' or 'incremental'"},
    {PUSH("<disk name='vda' backupmode='incremental'/>"), ERR_INVALID,
     "line 3: disk 'vda': backupmode='incremental' needs a checkpoint: incremental='NAME', or "
     "<incremental>NAME</incremental> for all disks"},
    {PUSH("<disk name='vda' backupmode='full' incremental='cp1'/>"), ERR_INVALID,
     "line 3: disk 'vda': backupmode='full' and incremental='cp1' contradict each other"},
    {PUSH("<disk name='vda' incremental='a/b'/>"), ERR_INVALID,
     "line 3: disk 'vda': incremental='a/b' is no checkpoint's name: letters, digits, '_', '-' and "
     "'.' make one"},

    /* formats */
    {PUSH("<disk name='vda'>\n<driver/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <driver>: type= is missing"},
    {PUSH("<disk name='vda'>\n<driver type='vmdk'/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <driver>: type='vmdk' is not supported: 'qcow2' and 'raw' are"},
    {PULL("<disk name='vda'>\n<driver type='raw'/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <driver>: type='raw' is not supported: scratch space is always qcow2"},
    {INCREMENT("<disk name='vda'>\n<driver type='raw'/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <driver>: an increment cannot be raw, where zeroes look like what has "
     "not changed: <driver type='qcow2'/> is needed"},
    {INCREMENT("<disk name='vda' type='network'><target protocol='nbd'><host name='h'/></target>"
               "</disk>"),
     ERR_UNSUPPORTED,
     "line 3: disk 'vda': an increment cannot be raw, where zeroes look like what has not changed: "
     "<driver type='qcow2'/> is needed"},
    {PUSH("<disk name='vda'>\n<driver type='qcow2' cache='none'/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <driver>: unknown attribute cache='none'"},

    /* exports */
    {PUSH("<disk name='vda' exportname='x'/>"), ERR_INVALID,
     "line 3: disk 'vda': exportname='x': only a backup with mode='pull' exports its disks"},
    {INCREMENT("<disk name='vda' exportbitmap='x'/>"), ERR_INVALID,
     "line 3: disk 'vda': exportbitmap='x': only a backup with mode='pull' exports its disks"},
    {PULL("<disk name='vda' exportname=''/>"), ERR_INVALID,
     "line 3: disk 'vda': exportname='' is empty"},
    {PULL("<disk name='vda' exportbitmap='x'/>"), ERR_INVALID,
     "line 3: disk 'vda': exportbitmap='x': only an incremental backup has one, and this disk's is "
     "full"},

    /* the server */
    {"<domainbackup>\n<server/></domainbackup>", ERR_INVALID,
     "line 2: <server>: only a backup with mode='pull' has a server"},
    {SERVER("transport='fd' fdgroup='g'"), ERR_UNSUPPORTED,
     "line 2: <server>: fdgroup='g' is not supported: no file descriptors are passed to vmkeepd"},
    {SERVER("transport='fd'"), ERR_UNSUPPORTED,
     "line 2: <server>: transport='fd' is not supported: 'tcp' and 'unix' are"},
    {SERVER("transport='rdma'"), ERR_UNSUPPORTED,
     "line 2: <server>: transport='rdma' is not supported: 'tcp' and 'unix' are"},
    {SERVER("transport='smoke'"), ERR_INVALID,
     "line 2: <server>: transport='smoke': it must be 'tcp' or 'unix'"},
    {SERVER("port='65536'"), ERR_INVALID,
     "line 2: <server>: port='65536': it must be a whole number from 0 to 65535"},
    {SERVER("port=' 1'"), ERR_INVALID,
     "line 2: <server>: port=' 1': it must be a whole number from 0 to 65535"},
    {SERVER("name=''"), ERR_INVALID, "line 2: <server>: name='' is empty"},
    {SERVER("tls='1'"), ERR_INVALID, "line 2: <server>: tls='1': it must be 'no' or 'yes'"},
    {SERVER("socket='/s'"), ERR_INVALID,
     "line 2: <server>: socket='/s': only transport='unix' has one"},
    {SERVER("transport='unix'"), ERR_INVALID, "line 2: <server>: socket= is missing"},
    {SERVER("transport='unix' socket='s'"), ERR_INVALID,
     "line 2: <server>: socket='s' is not an absolute path"},
    {SERVER("transport='unix' socket='/s' port='1'"), ERR_INVALID,
     "line 2: <server>: port='1': only transport='tcp' has one"},
    {SERVER("transport='unix' socket='/s' name='h'"), ERR_INVALID,
     "line 2: <server>: name='h': only transport='tcp' has one"},
    {SERVER("transport='unix' socket='/" LONG_NAME LONG_NAME "'"), ERR_INVALID,
     "line 2: <server>: socket='/" LONG_NAME "0123456...' is longer than 107 bytes"},

    /* files and devices */
    {PUSH("<disk name='vda'>\n<target/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: file= is missing"},
    {PUSH("<disk name='vda' type='block'>\n<target/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: dev= is missing"},
    {PUSH("<disk name='vda'>\n<target file='vda.qcow2'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: file='vda.qcow2' is not an absolute path"},
    {PUSH("<disk name='vda'>\n<target file='/'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: file='/' is not an absolute path"},
    {PUSH("<disk name='vda'>\n<target dev='/dev/x'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: dev='/dev/x': a disk with type='file' has file=, one with "
     "type='block' has dev="},
    {PUSH("<disk name='vda' type='block'>\n<target file='/x'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: file='/x': a disk with type='block' has dev="},
    {PUSH("<disk name='vda'>\n<target file='/x' name='e'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: name='e': only a disk with type='network' has it"},
    {PUSH("<disk name='vda'>\n<target file='/x' tls='yes'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: tls='yes': only a disk with type='network' has it"},
    {PUSH("<disk name='vda'>\n<target file='/x' protocol='nbd'/></disk>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: protocol='nbd': only a disk with type='network' has it"},
    {TARGET("<host name='h'/>"), ERR_INVALID,
     "line 4: disk 'vda': <host>: only a disk with type='network' has it"},
    {TARGET("<seclabel model='selinux' relabel='yes'>\n<label>l</label></seclabel>"),
     ERR_UNSUPPORTED,
     "line 5: disk 'vda': <label>: not supported: files keep the labels that the host's rules give "
     "them"},
    {TARGET("<seclabel model='dac' relabel='yes'/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <seclabel>: not supported: files keep the labels that the host's rules "
     "give them; relabel='no' says so"},
    {PULL("<disk name='vda'><scratch file='/s'><seclabel model='dac'/></scratch></disk>"),
     ERR_UNSUPPORTED,
     "line 3: disk 'vda': <seclabel>: not supported: files keep the labels that the host's rules "
     "give them; relabel='no' says so"},
    {TARGET("<dataStore/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <dataStore>: not supported: an image's data and metadata are in one "
     "file"},
    {TARGET("<backingStore/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <backingStore>: not supported: the image stands alone, or on what its "
     "author gives it"},
    {TARGET("<slices/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <slices>: not supported: an image takes up the whole file or device"},
    {TARGET("<reservations/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <reservations>: not supported: persistent reservations are for a guest's "
     "disks"},
    {TARGET("<metadata_cache/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <metadata_cache>: not supported: QEMU's default is used"},
    {TARGET("<auth/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <auth>: not supported: NBD has no user names"},
    {PUSH("<disk name='vda'>\n<target file='/x' fdgroup='g'/></disk>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <target>: fdgroup='g' is not supported: no file descriptors are passed "
     "to vmkeepd"},
    {PUSH("<disk name='vda'>\n<target file='/x' startupPolicy='optional'/></disk>"),
     ERR_UNSUPPORTED,
     "line 4: disk 'vda': <target>: startupPolicy='optional' is not supported: a place that is "
     "missing is an error"},
    {PULL("<disk name='vda'>\n<scratch file='/x'><host name='h'/></scratch></disk>"),
     ERR_UNSUPPORTED, "line 4: disk 'vda': <host>: unknown element in <scratch>"},

    /* encryption */
    {ENCRYPTION("format='qcow'", ""), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <encryption>: format='qcow' is not supported: 'luks' is"},
    {ENCRYPTION("", ""), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <encryption>: format='' is not supported: 'luks' is"},
    {ENCRYPTION("format='luks' engine='librbd'", ""), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <encryption>: engine='librbd' is not supported: 'qemu' is"},
    {ENCRYPTION("format='luks'", ""), ERR_INVALID,
     "line 4: disk 'vda': <encryption>: <secret> is missing"},
    {ENCRYPTION("format='luks'", "<cipher name='aes' size='256'/>"), ERR_UNSUPPORTED,
     "line 5: disk 'vda': <cipher>: not supported: QEMU's default cipher is used"},
    {ENCRYPTION("format='luks'", "<ivgen name='plain64'/>"), ERR_UNSUPPORTED,
     "line 5: disk 'vda': <ivgen>: not supported: QEMU's default is used"},
    {ENCRYPTION("format='luks'", "<secret type='key' usage='u'/>"), ERR_UNSUPPORTED,
     "line 5: disk 'vda': <secret>: type='key' is not supported: a secret is a 'passphrase'"},
    {ENCRYPTION("format='luks'", "<secret type='passphrase'/>"), ERR_INVALID,
     "line 5: disk 'vda': <secret>: a secret is named by uuid= or by usage=, one of them"},
    {ENCRYPTION("format='luks'", "<secret type='passphrase' usage='u' uuid='" UUID "'/>"),
     ERR_INVALID,
     "line 5: disk 'vda': <secret>: a secret is named by uuid= or by usage=, one of them"},
    {ENCRYPTION("format='luks'", "<secret type='passphrase' uuid='12-34'/>"), ERR_INVALID,
     "line 5: disk 'vda': <secret>: uuid='12-34' is not a UUID"},
    {ENCRYPTION("format='luks'", "<secret type='passphrase' usage=''/>"), ERR_INVALID,
     "line 5: disk 'vda': <secret>: usage='' is empty"},
    {PUSH("<disk name='vda'><driver type='raw'/>\n<target file='/x'>\n<encryption format='luks'>"
          "<secret type='passphrase' usage='u'/></encryption></target></disk>"),
     ERR_UNSUPPORTED,
     "line 5: disk 'vda': <encryption>: an image of format 'raw' is not encrypted: qcow2 can be"},
    {NETWORK("protocol='nbd'", "<host name='h'/><encryption format='luks'/>"), ERR_UNSUPPORTED,
     "line 5: disk 'vda': <encryption>: an NBD server's storage is not encrypted from here"},

    /* NBD servers */
    {NETWORK("protocol='rbd' name='pool/image'", ""), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <target>: protocol='rbd' is not supported: 'nbd' is"},
    {NETWORK("", ""), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <target>: protocol='' is not supported: 'nbd' is"},
    {NETWORK("protocol='nbd'", ""), ERR_INVALID, "line 4: disk 'vda': <target>: <host> is missing"},
    {NETWORK("protocol='nbd' name=''", "<host name='h'/>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: name='' is empty"},
    {NETWORK("protocol='nbd' tlsHostname='x'", "<host name='h'/>"), ERR_UNSUPPORTED,
     "line 4: disk 'vda': <target>: tlsHostname='x' is not supported: the certificate must be of "
     "the host that is connected to"},
    {NETWORK("protocol='nbd' file='/x'", "<host name='h'/>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: file='/x': a disk with type='network' has a <host>"},
    {NETWORK("protocol='nbd' dev='/x'", "<host name='h'/>"), ERR_INVALID,
     "line 4: disk 'vda': <target>: dev='/x': a disk with type='network' has a <host>"},
    {NETWORK("protocol='nbd'", "<host/>"), ERR_INVALID,
     "line 5: disk 'vda': <host>: name= is missing"},
    {NETWORK("protocol='nbd'", "<host name='h' port='0'/>"), ERR_INVALID,
     "line 5: disk 'vda': <host>: port='0': it must be a whole number from 1 to 65535"},
    {NETWORK("protocol='nbd'", "<host name='h'/><host name='i'/>"), ERR_INVALID,
     "line 5: disk 'vda': <host>: stands twice in <target>"},

    /* long values are cut, between characters */
    {"<domainbackup mode='" LONG_NAME "012345678901234'/>", ERR_INVALID,
     "line 1: <domainbackup>: mode='" LONG_NAME "01234567...': it must be 'push' or 'pull'"},
    {"<domainbackup mode='" LONG_NAME "0123456\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9'/>", ERR_INVALID,
     "line 1: <domainbackup>: mode='" LONG_NAME "0123456...': it must be 'push' or 'pull'"},

    /* not well-formed, and not welcome */
    {"<domainbackup>\n<disks>", ERR_INVALID,
     "line 2, column 8: not well-formed XML: Premature end of data in tag disks line 2"},
    {"<domainbackup mode='push' mode='pull'/>", ERR_INVALID,
     "line 1, column 38: not well-formed XML: Attribute mode redefined"},
    {"<domainbackup/><domainbackup/>", ERR_INVALID,
     "line 1, column 16: not well-formed XML: Extra content at the end of the document"},
    {"vda", ERR_INVALID,
     "line 1, column 1: not well-formed XML: Start tag expected, '<' not found"},
    {"<domainbackup>\xff</domainbackup>", ERR_INVALID,
     "line 1, column 15: not well-formed XML: Input is not proper UTF-8, indicate encoding !"},
    {"<domainbackup a='\xc0\x80'/>", ERR_INVALID,
     "line 1, column 18: not well-formed XML: Input is not proper UTF-8, indicate encoding !"},
    {"<domainbackup><incremental>&#0;</incremental></domainbackup>", ERR_INVALID,
     "line 1, column 32: not well-formed XML: xmlParseCharRef: invalid xmlChar value 0"},
    {"<domainbackup><incremental>&cp;</incremental></domainbackup>", ERR_INVALID,
     "line 1, column 32: not well-formed XML: Entity 'cp' not defined"},
    {"<d:domainbackup/>", ERR_INVALID,
     "line 1, column 16: not well-formed XML: Namespace prefix d on domainbackup is not defined"},
    {"<?xml version='1.0' encoding='latin1'?><domainbackup/>", ERR_UNSUPPORTED,
     "encoding='latin1': a document must be UTF-8"},
    {"<?xml version='1.0' encoding = \"UTF-16LE\"?><domainbackup/>", ERR_UNSUPPORTED,
     "encoding='UTF-16LE': a document must be UTF-8"},
    {"<?xml version='1.0'?>\n<!DOCTYPE domainbackup>\n<domainbackup/>", ERR_INVALID,
     "line 2: <!DOCTYPE domainbackup>: a document must not have a DOCTYPE"},
    {"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
     "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
     "<domainbackup mode='&d;'><incremental>&d;</incremental></domainbackup>",
     ERR_INVALID, "line 1: <!DOCTYPE d>: a document must not have a DOCTYPE"},
    {"<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>\n"
     "<domainbackup><incremental>&e;</incremental></domainbackup>",
     ERR_INVALID, "line 1: <!DOCTYPE d>: a document must not have a DOCTYPE"},
    {"<!DOCTYPE d SYSTEM 'http://localhost:1/d.dtd'><domainbackup/>", ERR_INVALID,
     "line 1: <!DOCTYPE d>: a document must not have a DOCTYPE"},
    {"<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]><domainbackup/>", ERR_INVALID,
     "line 1: <!DOCTYPE d>: a document must not have a DOCTYPE"},
};

static void forms_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct backup_document *d = NULL;
        struct err err = ERR_INIT;

        if (backup_document_parse(refused[i].xml, strlen(refused[i].xml), &d, &err) == 0)
            fail_msg("accepted: %s", refused[i].xml);
        assert_null(d);
        if (!str_eq(err.msg, refused[i].said))
            print_error("%s\n", refused[i].xml);
        assert_string_equal(err.msg, refused[i].said);
        assert_int_equal(err.code, refused[i].code);
    }
}

static void assert_refused(const char *xml, size_t len, const char *said)
{
    struct backup_document *d = NULL;
    struct err err = ERR_INIT;

    assert_int_equal(backup_document_parse(xml, len, &d, &err), -1);
    assert_string_equal(err.msg, said);
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(d);
}

static void nul_bytes(void **state)
{
    (void)state;
    assert_refused("<domainbackup/>", 16, "byte 15 of the document is NUL");
    assert_refused("<domain\0backup/>", 16, "byte 7 of the document is NUL");
}

static char *repeat(const char *before, const char *what, size_t n, const char *after)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    assert_non_null(f);
    fputs(before, f);
    for (size_t i = 0; i < n; i++)
        fputs(what, f);
    fputs(after, f);
    assert_int_equal(fclose(f), 0);
    return text;
}

static void deep_documents(void **state)
{
    CLEANUP_FREE char *deep = repeat("<domainbackup>", "<a>", 50000, "");

    (void)state;
    assert_refused(deep, strlen(deep), "line 1: <a>: more than 32 elements in one another");
}

static void large_documents(void **state)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    CLEANUP_FREE char *fits = repeat("<domainbackup/>", " ", DOCUMENT_MAX - 15, "");
    CLEANUP_FREE char *large = repeat("<domainbackup/>", " ", DOCUMENT_MAX - 14, "");
    CLEANUP_FREE char *lines = repeat("<domainbackup>", "\n", 100000, "<x/></domainbackup>");
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(backup_document_parse(fits, strlen(fits), &d, &err), 0);
    assert_refused(large, strlen(large), "the document has 262145 bytes: 262144 are the most");
    assert_int_equal(backup_document_parse(lines, strlen(lines), &d, &err), -1);
    assert_string_equal(err.msg, "line 100001: <x>: unknown element in <domainbackup>");
}

static void too_many_disks(void **state)
{
    CLEANUP_FREE char *many =
        repeat("<domainbackup><disks>", "<disk name='vda'/>", 1001, "</disks></domainbackup>");

    (void)state;
    assert_refused(many, strlen(many),
                   "line 1: disk 'vda': stands more than 1000 times in <disks>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_that_are_accepted),
        cmocka_unit_test(a_request_of_every_kind_is_read_as_it_was),
        cmocka_unit_test(what_xml_cannot_hold_is_replaced),
        cmocka_unit_test(who_does_not_take_part_is_known),
        cmocka_unit_test(forms_that_are_refused),
        cmocka_unit_test(nul_bytes),
        cmocka_unit_test(deep_documents),
        cmocka_unit_test(large_documents),
        cmocka_unit_test(too_many_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
