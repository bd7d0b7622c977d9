#!/bin/sh
# kubectl completes the words behind `@DISPLAY@` with this: save it as @FILE@, executable, on PATH.
exec @FIRST@ __complete "$@"
