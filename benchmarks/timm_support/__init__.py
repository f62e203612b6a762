"""Which of timm's architecture families RectGrad serves, measured: `docs/timm-support.md`."""
