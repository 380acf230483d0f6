#!/bin/sh
# Stands for flowdiff on the cluster of tests/spark/compare.py, and makes trouble there: the first digests of a run find the executor
# killed, the attempt failed, and the task slow, and so on; all others run. REAL is the binary, TROUBLE a folder that the whole run shares.
here=driver
case "$*" in
  *flowdiff-driver-*) ;;
  *) here=task ;;
esac
if [ $here = task ] && [ "$1" = digest ] && [ "$2" != --merge ]; then
  if mkdir "$TROUBLE/killed" 2> /dev/null; then
    # The Python worker's parent is its daemon, whose parent is the executor.
    daemon=$(ps -o ppid= -p "$PPID" | tr -d ' ')
    executor=$(ps -o ppid= -p "$daemon" | tr -d ' ')
    ps -o args= -p "$executor" | grep -q CoarseGrainedExecutorBackend || { echo "no executor to kill" >&2; exit 2; }
    kill -9 "$executor"
    sleep 30
  elif mkdir "$TROUBLE/failed" 2> /dev/null; then
    echo "made to fail" >&2
    exit 2
  elif mkdir "$TROUBLE/slow" 2> /dev/null; then
    exec sleep 300
  fi
elif [ "$1" = second-look ] && [ "$4" = --read ] && mkdir "$TROUBLE/failed-again" 2> /dev/null; then
  exit 2
fi
exec "$REAL" "$@"
