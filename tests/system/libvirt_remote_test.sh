#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A libvirt that is reached as one on another machine is: by qemu+tls and by qemu+ssh, over loopback.
# Its domains are pulled, over TCP with TLS; the host goes away and comes back; and what is wrong with
# a connection is said in one line, with nobody asked for a password.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

HELPER=$BUILD/helpers/libvirt/vmkeep-libvirt

a_port()
{
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- certificates: an authority, one of the server's and one of the client's; and another authority ----

authority() # FOLDER
{
    mkdir -p "$1"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=authority $(basename "$1")" -keyout "$1/ca-key.pem" \
        -out "$1/ca-cert.pem" 2> /dev/null
}

certificate() # AUTHORITY NAME FILE
{
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$3-key.pem" -out "$3.csr" 2> /dev/null
    openssl x509 -req -days 2 -in "$3.csr" -CA "$1/ca-cert.pem" -CAkey "$1/ca-key.pem" -CAcreateserial -out "$3-cert.pem" \
        -extfile <(printf 'subjectAltName=DNS:%s,IP:127.0.0.1\nkeyUsage=critical,digitalSignature,keyEncipherment\n' "$2") 2> /dev/null
}

pki=$tmp/pki
authority "$pki"
certificate "$pki" localhost "$pki/server"
certificate "$pki" someone "$pki/client"
# as libvirt's `pkipath` has them
cp "$pki/ca-cert.pem" "$pki/cacert.pem"
cp "$pki/client-cert.pem" "$pki/clientcert.pem"
cp "$pki/client-key.pem" "$pki/clientkey.pem"
authority "$tmp/pki2"
certificate "$tmp/pki2" someone "$tmp/pki2/client"
cp "$tmp/pki2/client-cert.pem" "$tmp/pki2/clientcert.pem"
cp "$tmp/pki2/client-key.pem" "$tmp/pki2/clientkey.pem"
mkdir "$tmp/stranger"
cp "$tmp/pki2"/client*.pem "$tmp/stranger"
cp "$pki/ca-cert.pem" "$tmp/stranger"
cp "$pki/ca-cert.pem" "$tmp/stranger/cacert.pem"
cp "$tmp/pki2/ca-cert.pem" "$tmp/pki2/cacert.pem"
chmod 755 "$tmp" "$pki"
chmod 644 "$pki"/*

tls_port=$(a_port)
libvirt_qemu_conf=("backup_tls_x509_cert_dir = \"$pki\"" 'backup_tls_x509_verify = 1')
libvirt_start 'listen_tls = 1' 'listen_tcp = 0' "tls_port = \"$tls_port\"" 'listen_addr = "127.0.0.1"' 'auth_tls = "none"' \
    "key_file = \"$pki/server-key.pem\"" "cert_file = \"$pki/server-cert.pem\"" "ca_file = \"$pki/ca-cert.pem\"" \
    'unix_sock_group = "root"' 'auth_unix_rw = "none"'
local_uri=$LIBVIRT_URI
vm_make vm1 vda vdb

# ---- an ssh server of the test's own, in libvirtd's namespace, with a home of the test's ----

ssh_port=$(a_port)
mkdir -m 700 "$tmp/home" "$tmp/home/.ssh" "$tmp/ssh"
dropbearkey -t ed25519 -f "$tmp/ssh/host" > /dev/null 2>&1
ssh-keygen -q -t ed25519 -N '' -f "$tmp/ssh/key"
ssh-keygen -q -t ed25519 -N '' -f "$tmp/ssh/other"
cp "$tmp/ssh/key.pub" "$tmp/home/.ssh/authorized_keys"
chmod 600 "$tmp/home/.ssh/authorized_keys"
echo "[localhost]:$ssh_port $(dropbearkey -y -f "$tmp/ssh/host" | grep '^ssh-ed25519')" > "$tmp/ssh/known"
touch "$tmp/ssh/none"
# shellcheck disable=SC2016 # for the shell in the namespace
nsenter --mount --target "${pids[libvirt_namespace]}" -- unshare --mount --propagation private \
    setpriv --pdeathsig KILL bash -c 'mount --bind "$1/home" /root && exec dropbear -F -E -s -r "$1/ssh/host" -p "127.0.0.1:$2"' \
    bash "$tmp" "$ssh_port" > "$tmp/ssh/log" 2>&1 &
pids[ssh]=$!

# ssh that reads nobody's files but the test's
ssh_command() # NAME KEY KNOWN-HOSTS
{
    printf '#!/bin/sh\nexec ssh -F none -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile=%q -o GlobalKnownHostsFile=none -i %q "$@"\n' \
        "$tmp/ssh/$3" "$tmp/ssh/$2" > "$tmp/ssh/$1"
    chmod 755 "$tmp/ssh/$1"
}
ssh_command good key known
ssh_command refused other known
ssh_command unknown key none

tls_uri() # PKI [PORT]
{
    echo "qemu+tls://localhost:${2:-$tls_port}/system?pkipath=$1"
}

ssh_uri() # COMMAND [PORT]
{
    echo "qemu+ssh://root@localhost:${2:-$ssh_port}/system?command=$tmp/ssh/$1"
}

# ---- what is wrong with a connection ----

closed=$(a_port)
connects_not() # TEXT URI
{
    local status=0
    timeout 60 setsid --wait "$HELPER" "$2" < /dev/null > "$tmp/out" 2> "$tmp/err" || status=$?
    [ "$status" -eq 1 ] || fail "$2: status $status: $(cat "$tmp/out" "$tmp/err")"
    jq -e --slurp --arg text "$1" 'last.error | .text | contains($text)' "$tmp/out" > /dev/null ||
        fail "$2: not '$1', but: $(cat "$tmp/out" "$tmp/err")"
    jq -r --slurp 'last.error | "\(.code): \(.text)"' "$tmp/out"
}

wait_for 10 "the ssh server" grep -q 'Not backgrounding' "$tmp/ssh/log"
connects_not "Connection refused (does libvirtd" "$(tls_uri "$pki" "$closed")"
connects_not "not of the authority" "$(tls_uri "$tmp/pki2")"
connects_not "hasn't got a known issuer" "$(tls_uri "$tmp/stranger")"
connects_not "No such file" "$(tls_uri "$tmp/nothing")"
connects_not "Connection refused" "$(ssh_uri good "$closed")"
connects_not "ssh does not know the host" "$(ssh_uri unknown)"
connects_not "give vmkeepd's user a key" "$(ssh_uri refused)"
echo "faults of connections"

# ---- backups ----

remote_config() # URI [POLICY-LINE...]
{
    local uri=$1
    shift
    config "$@"
    sed -i "s|^hosts:.*|hosts: [{ name: lab, driver: libvirt, uri: \"$uri\", tls_certificates: $pki }]|" "$tmp/config"
}

of_newest() # MEMBER
{
    points | jq -r ".[-1].$1"
}

domain_is_away()
{
    vmkeep domains --json | jq -e '.[0].state == "unreachable"' > /dev/null
}

nothing_is_left()
{
    [ -z "$(find "$tmp/images" -name '*vmkeep*')" ] || fail "left: $(ls "$tmp/images")"
    [ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
}

n=0
for uri in "$(tls_uri "$pki")" "$(ssh_uri good)"; do
    n=$((n + 1))
    remote_config "$uri"
    daemon_up
    kind=full
    [ "$n" -eq 1 ] || kind=incremental
    put vda $n 1M 64k
    take $kind
    [ "$(of_newest mode)" = pull ] || fail "it was no pull, but $(of_newest mode)"
    vmkeep explain "$point" | tr '\n' ' ' | tr -s ' ' | grep -q "pulled, for the host is another machine" || fail "$(vmkeep explain "$point")"
    put vda $((n + 10)) 2M 64k
    put vdb $((n + 10)) 3M 64k
    take incremental
    nothing_is_left
    compare_points
    # It goes away, and comes back.
    libvirt_kill
    wait_for 20 "its absence to be seen" domain_is_away
    vmkeep status > "$tmp/out" || true
    grep -q "host unreachable since" "$tmp/out" || fail "$(cat "$tmp/out")"
    libvirt_daemon
    wait_for 60 "it to be back" libvirt_is_connected
    put vda $((n + 20)) 4M 64k
    take incremental
    nothing_is_left
    compare_points
    [ "$n" -eq 2 ] || stop_daemon
    echo "${uri%%:*}: pulled, away, back"
done

# ---- who cannot read what is exported, and what is no file ----

no_certificates()
{
    sed -i "s|tls_certificates: $pki|tls_certificates: $1|" "$tmp/config"
    stop_daemon
    daemon_up
}
no_certificates "$tmp/nothing"
fails "over TLS with the certificates in $tmp/nothing"
"$BUILD/cli/vmkeep" --config "$tmp/config" check > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
grep -q "host 'lab' is another machine.*$tmp/nothing/ca-cert.pem is missing" "$tmp/out" || fail "$(cat "$tmp/out")"
nothing_is_left
remote_config "$uri"
no_certificates "$tmp/pki2"
fails "Error in the certificate verification"
nothing_is_left

# ---- by a number it listens there alone ----

remote_config "$uri"
sed -i "s|tls_certificates:|address: 127.0.0.1, &|" "$tmp/config"
stop_daemon
daemon_up
put vda 76 6M 64k
take incremental
sed -i "s|address: 127.0.0.1|address: 192.0.2.1|" "$tmp/config" # nobody's
stop_daemon
daemon_up
fails "^failed: host 'lab' has no address 192.0.2.1 of its own to be pulled from: give it a name"
nothing_is_left

# ---- a push, to the repository under the same path over there ----

remote_config "$uri" 'mode: push'
vmkeep check > "$tmp/out" 2>&1
grep -q "policy 'nightly' pushes, and host 'lab' is another machine" "$tmp/out" || fail "$(cat "$tmp/out")"
! grep -q missing "$tmp/out" || fail "$(cat "$tmp/out")"
stop_daemon
daemon_up
put vda 77 5M 64k
take incremental
[ "$(of_newest mode)" = push ] || fail "it was no push, but $(of_newest mode)"
nothing_is_left
compare_points

stop_daemon
LIBVIRT_URI=$local_uri
libvirt_virsh destroy vm1
libvirt_stop
echo "all as it should be"
