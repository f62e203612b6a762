"""Which of timm's families can be exported to ONNX; see `python -m benchmarks.onnx_support`."""
