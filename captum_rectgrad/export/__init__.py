"""Attribution maps as ONNX files, and their check in a runtime without PyTorch."""
