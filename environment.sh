#!/bin/sh
# environment.sh FOLDER ARGUMENT...: makes the virtual environment FOLDER if there is none, and hands the
# ARGUMENTs to `pip install` in it. An error is one sentence, with exit status 1. PYTHON names the
# Python to use. Called by the Makefile.
set -u
python=${PYTHON:-python3}
folder=$1
shift
# Exists while something is installed. An environment where it remained is made again from the start.
unfinished=$folder/.unfinished

fail() {
  echo "$*" >&2
  exit 1
}

fail_if_full() {
  case $1 in
    *'No space left on device'* | *'Errno 28'* | *'Disk quota exceeded'*) ;;
    *) [ "$(df -Pk "$folder" | awk 'END { print $4 }')" -lt 1000 ] || return 0 ;; # in KiB
  esac
  fail "The disk is full: on Linux $folder needs about 6.5 GB, and pip 4 GB more in" \
    "${TMPDIR:-/tmp} during the installation (TMPDIR=/another/folder moves that);" \
    "free some room and run make again."
}

fail_if_unreachable() {
  missing=$(echo "$1" | sed -n 's/.*No matching distribution found for //p' | head -n 1)
  case $1 in
    *'from versions: none'* | *ConnectionError* | *ConnectTimeout* | *ReadTimeout* | *ProxyError* | \
      *'Connection broken'* | *'Connection aborted'* | *'name resolution'*) ;;
    *) return 0 ;;
  esac
  fail "The packages cannot be downloaded (no ${missing:-answer} from the package index):" \
    "connect to the network, or name an index or a folder of wheels (PIP_INDEX_URL," \
    "PIP_FIND_LINKS), and run make again."
}

if [ -e "$unfinished" ]; then
  rm -rf "$folder"
fi
if [ ! -d "$folder" ]; then
  command -v "$python" >/dev/null 2>&1 ||
    fail "There is no command $python: install Python 3.10 or newer, or name one that is installed:" \
      "make PYTHON=python3.12 ..."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed, but $python is $("$python" --version 2>&1): install a newer" \
      "one and name it: make PYTHON=python3.12 ..."
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no modules venv and ensurepip: install them (Debian, Ubuntu:" \
      "apt install python3-venv) and run make again."
  echo "Environment: $folder, with $("$python" --version)"
  if ! { mkdir "$folder" && : >"$unfinished" && errors=$("$python" -m venv "$folder" 2>&1); }; then
    fail_if_full "${errors:-}"
    fail "${errors:-}
$python cannot make the environment $folder: see its errors above, mend their cause and run make again."
  fi
  echo "Packages: about 6 GB on Linux, mostly PyTorch and CUDA; this takes minutes"
else
  "$folder/bin/python" -m pip --version >/dev/null 2>&1 ||
    fail "$folder has no Python with pip that works: remove the folder (make clean) and run make again."
  echo "Packages: those that pyproject.toml names and $folder lacks"
fi

# In a terminal pip shows its progress; elsewhere that would be many lines. Its errors are looked at.
if [ -t 1 ]; then quiet=; else quiet=--quiet; fi
: >"$unfinished"
exec 3>&1
if errors=$("$folder/bin/python" -m pip install $quiet "$@" 2>&1 >&3 3>&-); then
  rm "$unfinished"
  exit
fi
case $errors in
  *OSError*) ;;
  *) rm "$unfinished" ;; # pip had not begun to install
esac
fail_if_full "$errors"
fail_if_unreachable "$errors"
fail "$errors
pip cannot install the packages: see its errors above, mend their cause and run make again."
