"""A process that has PyTorch imported and forks for each command: the client of the tests.

huggingface_hub reads its environment when it is imported. Each command therefore gets a process
in which neither it nor timm nor rectgrad_zoo is imported yet, without the seconds that importing
PyTorch takes. Run as a script it reads one job per line, in JSON, and answers with the identifier
of a process, or for `{"wait": ...}` with its exit status.
"""

import gc
import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any


def serve() -> None:
    """Answer line by line until the input ends."""
    import safetensors.torch  # noqa: PLC0415, F401 (shared by the children)

    assert "huggingface_hub" not in sys.modules
    gc.freeze()  # a collection in a child would copy all of the parent's memory
    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            answer = os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1])
        else:
            answer = os.fork() or _child(job)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _child(job: dict[str, Any]) -> int:
    """Run the job in this process and end it."""
    status = 70
    try:
        for name, stream in (("stdout", 1), ("stderr", 2)):
            descriptor = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, stream)
        for variable in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
            del os.environ[variable]
        os.environ.update(job["environment"])
        sys.stdin.close()
        if job["largest_file"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
        status = _run(job)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 (nothing may return to the server's loop)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(job: dict[str, Any]) -> int:
    if job["code"] is not None:
        exec(compile(job["code"], "<job>", "exec"), {"__name__": "__main__"})  # noqa: S102
        return 0
    from captum_rectgrad.cli import main  # noqa: PLC0415 (after the environment)

    return main(job["command"])


if __name__ == "__main__":
    sys.path[:0] = [str(Path(entry).resolve()) for entry in sys.argv[1:]]
    serve()
