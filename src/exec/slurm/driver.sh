#!/bin/sh
# Drives a run of otto in a job of its own. Arguments: otto, the ottofile, the ID of the run.
exec "$1" -o "$2" Resume --driver "$3"
