#!/bin/sh
# Stands for the hook: beside the link that it was started by, it writes down with what, and stays
# while there is a file `stay`.
cd "$(dirname "$0")" || exit
echo $$ > pid
echo "$*" >> runs
while [ -e stay ]; do sleep 0.01; done
echo end >> runs
