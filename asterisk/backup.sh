#!/bin/sh
# A copy of what cannot be made again: the database, the keys, the recordings and the settings.
#
#   backup.sh once          one copy now
#   backup.sh daily         one copy now and one every day, until it is ended
#   backup.sh check         exit code 0 when the newest copy is less than 26 hours old
#
# From the environment: BACKUP_TO (folder), BACKUP_KEEP_DAYS, BACKUP_DATABASE (a PostgreSQL URL), IVR_SHARED (sounds,
# recordings, keys), IVR_CONFIG (settings file). A copy is a folder that is there whole or not at all.
set -eu
umask 077
: "${BACKUP_TO:?where the copies go}" "${IVR_SHARED:?the shared folder}" "${BACKUP_DATABASE:?the URL of the database}"
keep_days=${BACKUP_KEEP_DAYS:-14}

once() {
    name=portevoix-$(date -u +%Y%m%dT%H%M%SZ)
    rm -rf "$BACKUP_TO"/.partial
    mkdir -p "$BACKUP_TO/.partial"
    pg_dump --format=custom --no-owner --file="$BACKUP_TO/.partial/database.dump" "$BACKUP_DATABASE"
    pg_restore --list "$BACKUP_TO/.partial/database.dump" > /dev/null  # it can be read
    # sounds are named by hash and the keys recognise who asked to stop: without them the database is half a copy
    tar -C "$IVR_SHARED" -czf "$BACKUP_TO/.partial/shared.tar.gz" .
    if [ -n "${IVR_CONFIG:-}" ] && [ -r "$IVR_CONFIG" ]; then cp "$IVR_CONFIG" "$BACKUP_TO/.partial/"; fi
    mv -T "$BACKUP_TO/.partial" "$BACKUP_TO/$name"
    find "$BACKUP_TO" -mindepth 1 -maxdepth 1 -type d -name 'portevoix-*' -mtime "+$keep_days" -exec rm -rf {} +
    echo "$BACKUP_TO/$name"
}

case ${1:-} in
    once) once ;;
    daily)
        trap 'for child in ${!-}; do kill "$child" 2> /dev/null || :; done; exit 0' TERM INT
        while :; do
            once || echo "backup.sh: no copy was made; the next try is in an hour" >&2
            if "$0" check; then pause_s=86400; else pause_s=3600; fi
            sleep "$pause_s" &
            wait $!
        done ;;
    check) [ -n "$(find "$BACKUP_TO" -mindepth 1 -maxdepth 1 -type d -name 'portevoix-*' -mmin -1560)" ] ;;
    *) echo "usage: backup.sh once|daily|check" >&2; exit 64 ;;
esac
