#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make_certificates.sh DIR: an authority, and a server's and a client's certificate by it, under the
# names that QEMU (and libvirt) want.
set -e
cd "$1"
certtool --generate-privkey --key-type=ecdsa --outfile ca-key.pem
printf 'cn = test\nca\ncert_signing_key\n' > ca.info
certtool --generate-self-signed --load-privkey ca-key.pem --template ca.info --outfile ca-cert.pem
for who in server client; do
    certtool --generate-privkey --key-type=ecdsa --outfile "$who-key.pem"
    printf 'organization = test\ncn = localhost\ndns_name = localhost\ntls_www_%s\nsigning_key\n' \
        "$who" > "$who.info"
    certtool --generate-certificate --load-ca-certificate ca-cert.pem --load-ca-privkey ca-key.pem \
        --load-privkey "$who-key.pem" --template "$who.info" --outfile "$who-cert.pem"
done
