"""The Hugging Face Hub: names, downloads and errors."""
