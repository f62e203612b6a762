"""`python -m benchmarks.onnx_support`: export a member of each family and write the page."""

import argparse
import sys

from benchmarks.onnx_support.measure import measure
from benchmarks.onnx_support.page import page
from benchmarks.timm_support.command import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_support", description=__doc__)
    sys.exit(run(parser, measure, page))
