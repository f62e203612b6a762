"""`python -m benchmarks.timm_support`: measure the families and write the page."""

import argparse
import sys

from benchmarks.timm_support.command import run
from benchmarks.timm_support.measure import measure
from benchmarks.timm_support.page import page

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timm_support", description=__doc__)
    sys.exit(run(parser, measure, page))
