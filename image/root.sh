#!/bin/sh
# Makes the image's root: a virtual environment, and what of Debian its Python needs.
#
#   root.sh VENV ROOT
#
# Of a package its files are kept, its copyright, and its entry in dpkg's status, by
# which scanners know it.
set -eu
venv=$1 root=$2
python=$(basename "$(readlink -f "$venv/bin/python3")")

# gRPC is C++. The interpreter and its standard library name the rest.
packages() {
  apt-cache depends --recurse --installed --no-recommends --no-suggests \
    --no-conflicts --no-breaks --no-replaces --no-enhances \
    "$python-minimal" "lib$python-stdlib" libstdc++6 | grep '^[a-z0-9]' | sort -u |
    # For packages' scripts, for people at a terminal, for times of day.
    grep -vE '^(debconf|readline-common|gcc-.*-base|tzdata)$'
}

mkdir -p "$root/usr/bin" "$root/var/lib/dpkg/status.d" "$root/etc" "$root/tmp" \
  "$root/proc" "$root/dev" "$root/sys"
chmod 1777 "$root/tmp"
# Debian's /lib and the like are links into /usr.
for link in /bin /lib /lib64 /sbin; do
  if [ -L "$link" ]; then
    mkdir -p "$root$(readlink -f "$link")"
    cp -a "$link" "$root$link"
  fi
done
for package in $(packages); do
  dpkg-query --show "$package" >/dev/null 2>&1 || continue # a virtual one
  dpkg -L "$package" |
    grep -vE '/(gconv|man|lintian|bug|doc-base|applications|pixmaps|binfmts|__pycache__|share/gcc|share/gdb)/' |
    while read -r file; do
      case $file in /usr/share/doc/*/copyright) ;; /usr/share/doc/*) continue ;; esac
      if [ -L "$file" ] || [ -f "$file" ]; then
        mkdir -p "$root$(dirname "$file")"
        cp -a "$file" "$root$file"
      fi
    done
  dpkg -s "$package" >"$root/var/lib/dpkg/status.d/$package"
done
cp -a /usr/bin/python3 "$root/usr/bin/"
printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n' \
  >"$root/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"

# What installs and activates is not for serving.
cp -a "$venv" "$root$venv"
rm -rf "$root$venv"/bin/[Aa]ctivate* "$root$venv/.gitignore" "$root$venv/include"
find "$root$venv" "$root/usr/lib/$python" -type d \
  \( -name tests -o -name test -o -name pydoc_data -o -name _pyrepl \) -prune -exec rm -rf {} +
# Compiled once, by content, so that a start compiles nothing and two builds agree.
for lib in "$root/usr/lib/$python" "$root$venv/lib"; do
  PYTHONHASHSEED=0 "$venv/bin/python3" -m compileall -q -j 2 \
    --invalidation-mode unchecked-hash -s "$root" "$lib"
done
