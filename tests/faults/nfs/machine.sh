#!/bin/bash
# The first process of a machine of the lab, and all that it does: runs the scripts whose names come from its console,
# to which the tests write, each in the background; leaves what they said, and their status, beside them.
# Usage: machine.sh HOST-NAME DIRECTORY-OF-SCRIPTS CONSOLE
hostname "$1"
cd /run || exit
exec <"$3"
touch "$2/$1.ready" # what is written to a console before it is open may get lost
while read -r name; do
    (
        setsid --wait bash "$2/$name" </dev/null >"$2/$name.out" 2>"$2/$name.err"
        echo $? >"$2/$name.new"
        mv "$2/$name.new" "$2/$name.status"
    ) &
done
