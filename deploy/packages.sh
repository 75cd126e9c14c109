#!/bin/sh
# Installs Debian packages for what pip cannot bring: pdf (Pango), font (Tinos, as wide as Times New
# Roman and with every Vietnamese letter, which Debian's Liberation lacks), browser (Chromium), postgresql, nginx, kannel (an
# SMS gateway) or clock (which runs tests on another day). Without root or apt it says what
# is missing; never fails.
set -eu

missing() {
    case "$1" in
    pdf) ! python3 -c 'import ctypes; ctypes.CDLL("libpangoft2-1.0.so.0"); ctypes.CDLL("libharfbuzz-subset.so.0")' 2>/dev/null ;;
    font) [ -z "$(find /usr/share/fonts /usr/local/share/fonts \( -iname 'tinos-regular.*' -o -iname 'times.ttf' \) -print 2>/dev/null)" ] ;;
    browser) ! command -v chromium >/dev/null 2>&1 ;;
    postgresql) ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1 ;;
    nginx) ! command -v nginx >/dev/null 2>&1 && [ ! -x /usr/sbin/nginx ] ;;
    kannel) ! PATH="$PATH:/usr/sbin" command -v smsbox >/dev/null 2>&1 ;;
    clock) ! command -v faketime >/dev/null 2>&1 ;;
    esac
}

for need in "$@"; do
    case "$need" in
    pdf)
        packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
        without="PDF reports are not available; everything else works."
        ;;
    font)
        packages="fonts-croscore"
        without="PDF reports take some letters from a second font."
        ;;
    browser)
        packages="chromium"
        without="Browser tests are skipped."
        ;;
    postgresql)
        packages="postgresql"
        without="PostgreSQL tests are skipped unless TEST_DATABASE_URL names a server."
        ;;
    nginx)
        packages="nginx"
        without="The shipped nginx file is not tested."
        ;;
    kannel)
        packages="kannel kannel-extras"
        without="Tests with a real SMS gateway are skipped."
        ;;
    clock)
        packages="faketime"
        without="Tests run on this day only."
        ;;
    *) echo "usage: deploy/packages.sh pdf|font|browser|postgresql|nginx|kannel|clock ..." >&2 && exit 2 ;;
    esac
    missing "$need" || continue
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing Debian packages: $packages"
        # shellcheck disable=SC2086  # the list is meant to split into words
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
            --no-install-recommends $packages; } >/dev/null 2>&1 || true
        # Tests start their own; Debian's sample service would only hold ports.
        [ "$need" != kannel ] || { service kannel stop; update-rc.d kannel disable; } >/dev/null 2>&1 || true
    fi
    if missing "$need"; then
        echo "$without To have it, run: sudo apt install $packages" >&2
    fi
done
