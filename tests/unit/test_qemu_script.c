/* SPDX-License-Identifier: MIT
 *
 * The script that starts a restored domain: what stays of a command line, and what does not.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/qemu_script.h"

/* Each option is one that the point keeps ("-name\nvalue"); in the script it stands as a line. */
static const struct {
    const char *args, *line; /* line NULL: nothing is left of it */
} cases[] = {
    /* disks, by their image and by their name; relative names too */
    {"-drive\nfile=/img/a,,b.qcow2,if=virtio,format=qcow2,l2-cache-size=2M,cache=none",
     "-drive file=/to/a.raw,format=raw,if=virtio,cache=none"},
    {"-drive\nfile=vm/c.qcow2,if=none,id=c", "-drive file=/to/c.raw,format=raw,if=none,id=c"},
    {"-drive\nfile=/img/snapshot.qcow2,if=none,id=c",
     "-drive file=/to/c.raw,format=raw,if=none,id=c"},
    {"-hdb\n/img/a,b.qcow2", "-drive file=/to/a.raw,format=raw,index=1,media=disk"},
    {"/img/a,b.qcow2", "-drive file=/to/a.raw,format=raw,index=0,media=disk"},
    {"-blockdev\ndriver=qcow2,node-name=x,file.driver=file,file.filename=/img/a,,b.qcow2,"
     "discard=unmap",
     "-blockdev driver=raw,node-name=x,file.driver=file,file.filename=/to/a.raw,discard=unmap"},
    {"-blockdev\n{\"driver\":\"qcow2\",\"node-name\":\"x\",\"encrypt\":{\"key-secret\":\"s\"},"
     "\"file\":{\"driver\":\"file\",\"filename\":\"/img/a,b.qcow2\"},\"read-only\":false}",
     "-blockdev "
     "driver=raw,node-name=x,file.driver=file,file.filename=/to/a.raw,read-only=off"},
    /* what is no disk of the point's */
    {"-drive\nfile=/img/other.raw,format=raw,if=virtio", NULL},
    {"-drive\nfile=/img/cd.iso,media=cdrom", "-drive file=/img/cd.iso,media=cdrom"},
    {"-drive\nfile=/img/ro.raw,readonly=on", "-drive file=/img/ro.raw,readonly=on"},
    {"-blockdev\ndriver=file,node-name=o,filename=/img/other.raw", NULL},
    {"-blockdev\ndriver=null-co,node-name=n,size=1M",
     "-blockdev driver=null-co,node-name=n,size=1M"},
    {"-drive\nif=pflash,file=/fw/vars.fd",
     "-drive if=pflash,format=raw,readonly=on,file.filename=/fw/vars.fd,file.locking=off"},
    {"-pflash\n/fw/vars.fd", NULL},
    /* what reaches outside */
    {"-qmp\nunix:/run/qmp,server=on", NULL},
    {"-monitor\ntelnet:127.0.0.1:1,server=on", NULL},
    {"-mon\nchardev=m,mode=control", NULL},
    {"-chardev\nsocket,id=ga,path=/run/ga,server=on,wait=off", "-chardev null,id=ga"},
    {"-chardev\nstdio,id=s", "-chardev stdio,id=s"},
    {"-serial\nfile:/var/log/serial", "-serial null"},
    {"-serial\nstdio", "-serial stdio"},
    {"-netdev\ntap,id=n,ifname=tap0", "-netdev hubport,hubid=0,id=n"},
    {"-netdev\n{\"type\":\"tap\",\"id\":\"n\"}", "-netdev hubport,hubid=0,id=n"},
    {"-nic\nbridge,br=br0,model=e1000,mac=52:54:00:00:00:01",
     "-nic hubport,hubid=0,model=e1000,mac=52:54:00:00:00:01"},
    {"-nic\nnone", "-nic none"},
    {"-vnc\n:1", NULL},
    {"-pidfile\n/run/pid", NULL},
    {"-daemonize", NULL},
    {"-incoming\ndefer", NULL},
    {"-S", NULL},
    {"-device\nvfio-pci,host=01:00.0", NULL},
    {"-object\nsecret,id=s0,file=PATH-TO-FILL-IN", NULL},
    /* all else */
    {"-m\n64", "-m 64"},
    {"-nodefaults", "-nodefaults"},
    {"-append\nconsole=ttyS0 it's", "-append 'console=ttyS0 it'\\''s'"},
    {"-device\nvirtio-rng-pci", "-device virtio-rng-pci"},
    {"-object\niothread,id=i0", "-object iothread,id=i0"},
};

static const struct script_disk disks[] = {
    {"a", "/img/a,b.qcow2", "/to/a.raw"},
    {"c", "/home/me/vm/c.qcow2", "/to/c.raw"},
};

static char *script_of(const char *options)
{
    CLEANUP_FREE char *args = xasprintf("qemu-system-x86_64\n%s\n", options);
    const struct script_request r = {args, "lab/vm", "raw", disks, ARRAY_LEN(disks)};

    return qemu_script(&r);
}

static void each_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *script = script_of(cases[i].args);
        CLEANUP_FREE char *expected =
            xasprintf("exec qemu-system-x86_64 \\\n%s%s%s    -display none \\\n    \"$@\"\n",
                      cases[i].line ? "    " : "", cases[i].line ? cases[i].line : "",
                      cases[i].line ? " \\\n" : "");

        if (!strstr(script, expected))
            fail_msg("%s: is not\n%sbut\n%s", cases[i].args, expected, script);
        if (!cases[i].line && !strstr(script, "# - left out"))
            fail_msg("%s: nothing is said of it: %s", cases[i].args, script);
    }
}

/* What stands on one another, and what hangs on what. */
static void options_that_belong_together(void **state)
{
    CLEANUP_FREE char *script =
        script_of("-machine\nq35,pflash1=vars\n"
                  "-blockdev\ndriver=file,filename=/fw/vars.fd,node-name=vars\n"
                  "-blockdev\ndriver=file,filename=/img/base.qcow2,node-name=base-file\n"
                  "-blockdev\ndriver=qcow2,file=base-file,node-name=base\n"
                  "-blockdev\ndriver=file,filename=/img/a,,b.qcow2,node-name=a-file\n"
                  "-blockdev\ndriver=qcow2,file=a-file,backing=base,node-name=a-format\n"
                  "-blockdev\ndriver=throttle,file=a-format,throttle-group=g,node-name=a-top\n"
                  "-device\nvirtio-blk-pci,drive=a-top\n"
                  "-drive\nfile=/img/other,if=none,id=other\n"
                  "-device\n{\"driver\":\"scsi-hd\",\"drive\":\"other\"}\n"
                  "-object\nsecret,id=tls0,file=/key\n"
                  "-object\ntls-creds-x509,id=t,dir=/pki,passwordid=tls0,endpoint=server\n"
                  "-display\ngtk");

    (void)state;
    assert_non_null(strstr(
        script, "exec qemu-system-x86_64 \\\n"
                "    -machine q35,pflash1=vars \\\n"
                "    -blockdev driver=raw,node-name=vars,read-only=on,file.driver=file,"
                "file.filename=/fw/vars.fd,file.locking=off \\\n"
                "    -blockdev driver=raw,node-name=a-format,file.driver=file,"
                "file.filename=/to/a.raw \\\n"
                "    -blockdev driver=throttle,file=a-format,throttle-group=g,node-name=a-top \\\n"
                "    -device virtio-blk-pci,drive=a-top \\\n"
                "    -object secret,id=tls0,file=/key \\\n"
                "    -object tls-creds-x509,id=t,dir=/pki,passwordid=tls0,endpoint=server \\\n"
                "    -display gtk \\\n"
                "    \"$@\"\n"));
    assert_non_null(strstr(script, "# - left out, its disk is not restored: -device {"));
}

/* A loop of nodes, options without values, nothing at all. */
static void odd_command_lines(void **state)
{
    static const char *const odd[] = {
        "",
        "-blockdev",
        "-drive",
        "-blockdev\ndriver=qcow2,node-name=x,file=x",
        "-blockdev\n{\"driver\":",
        "-blockdev\ndriver=throttle,node-name=t,file=t\n-device\n{",
        "-hda",
        "-netdev\n",
        "-chardev\n,",
        "-object\nsecret",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        CLEANUP_FREE char *script = script_of(odd[i]);

        assert_true(starts_with(script, "#!/bin/sh\n# lab/vm\n"));
    }
}

static void relative_names(void **state)
{
    CLEANUP_FREE char *script = script_of("-drive\nfile=vm/c.qcow2");

    (void)state;
    assert_non_null(strstr(script, "\ncd /home/me || exit 1\nexec "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option),
        cmocka_unit_test(options_that_belong_together),
        cmocka_unit_test(odd_command_lines),
        cmocka_unit_test(relative_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
