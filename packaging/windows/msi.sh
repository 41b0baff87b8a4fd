#!/bin/sh
# Writes the MSI:
#
#   packaging/windows/msi.sh EXE VERSION OUT.msi [NOTICE]
#
# EXE is the program for Windows amd64, NOTICE a file with the licences of what is in it. An MSI's
# version is three numbers: of v1.2.3-4-gabcdef they are 1.2.3. Needs wixl and msitools of Debian.
# Two calls with the same files write the same MSI but for the time of its creation, which wixl takes from the clock.
set -eu

[ $# -ge 3 ] || { echo "usage: $0 EXE VERSION OUT.msi [NOTICE]" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
version=$(expr "${2#v}" : '\([0-9]*\.[0-9]*\.[0-9]*\)') || {
	echo "$0: \"$2\" does not begin with three numbers, such as 1.2.3" >&2
	exit 1
}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# wixl only finds files by relative paths, and keeps their times.
cp "$1" "$stage/telegraf-qlik-sense-version.exe"
cp "$root/LICENSE" "$stage/LICENSE.txt"
cp "${4:-$root/LICENSE}" "$stage/NOTICE.txt"
cp "$root/sample.conf" "$root"/deploy/telegraf.d/windows/*.conf "$here/telegraf-qlik-sense-version.wxs" "$stage"
touch -d "@${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}" "$stage"/*

# Identifiers that follow from the contents: the same files are the same product to Windows.
guid() { # guid WORD
	{ echo "$1 $version"; cat "$stage"/* "$here/tables.sql"; } | sha256sum |
		sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/' | tr a-f A-F
}

product=$(guid product)
package=$(guid package)
(cd "$stage" && wixl --arch x64 -D ProductCode="$product" -D Version="$version" -o out.msi telegraf-qlik-sense-version.wxs)
sed -e '/^--/d' -e '/^$/d' -e "s/@VERSION@/$version/" "$here/tables.sql" | while IFS= read -r statement; do
	msibuild "$stage/out.msi" -q "$statement" || { echo "$0: msibuild refused: $statement" >&2; exit 1; }
done
msibuild "$stage/out.msi" -s 'Telegraf plugin for Qlik Sense versions' telegraf-qlik-sense-version 'x64;1033' "{$package}"
mv "$stage/out.msi" "$3"
