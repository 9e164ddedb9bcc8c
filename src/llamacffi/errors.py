"""The exceptions that the package raises."""


class LlamaError(Exception):
    """Something that llama.cpp, or the binding on its behalf, could not do."""


class BackendError(LlamaError):
    """A backend is needed that is not there, was not selected, or does not load."""
