#!/bin/sh
# Install one environment from its lock file: install.sh NAME PYTHON [FOLDERS OF OUR OWN PACKAGES ...]
# A stamp is written only at the very end, so a half installed environment is installed again.
set -eu
name=$1 python=$2
shift 2
lock=requirements/$name.txt
stamps=.venvs/.stamps
log=.venvs/$name.log
started=$(date +%s)
mkdir -p "$stamps"
: > "$log"

fail() {
    tail -n 5 "$log" >&2 || true
    echo "setup: $1 (whole log: $log). Nothing half installed is used: run the same command again." >&2
    exit 1
}

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "$python does not start"
[ "$version" = 3.11 ] || fail "Python 3.11 is needed, $python is $version"
# About 3 GB in all; asked before each step, because a full disk shows itself as many different errors.
free_mb=$(df -Pm .venvs | awk 'NR == 2 {print $4}')
[ "$free_mb" -ge 2000 ] || fail "2000 MB of free disk are needed here, $free_mb MB are left"

echo "setup: $name is being installed; what happens stands in $log"
case $name in
tools)
    "$python" -m venv --clear .venvs/tools >> "$log" 2>&1 || fail "the environment for the tools could not be made"
    .venvs/tools/bin/python -m pip install --disable-pip-version-check --require-hashes -r "$lock" >> "$log" 2>&1 ||
        fail "the tools could not be installed"
    ;;
demo-data)
    rm -rf .venvs/demo-data
    .venvs/tools/bin/uv pip install --no-deps --require-hashes --python .venvs/serving --target .venvs/demo-data -r "$lock" >> "$log" 2>&1 ||
        fail "the data of the demo could not be installed"
    ;;
*)
    [ -x ".venvs/$name/bin/python" ] || .venvs/tools/bin/uv venv --clear --python "$python" ".venvs/$name" >> "$log" 2>&1 ||
        fail "the $name environment could not be made"
    # Compiled now, because the first start of everything would otherwise compile it while somebody watches.
    .venvs/tools/bin/uv pip sync --compile-bytecode --require-hashes --python ".venvs/$name" "$lock" >> "$log" 2>&1 ||
        fail "the $name environment could not be installed"
    .venvs/tools/bin/uv pip install --no-deps --no-build-isolation --python ".venvs/$name" $(printf -- " -e %s" "$@") >> "$log" 2>&1 ||
        fail "pegel could not be installed into the $name environment"
    ;;
esac
touch "$stamps/$name"
echo "setup: $name in $(($(date +%s) - started)) s"
