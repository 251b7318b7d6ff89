"""Seeing from outside what the processes of a command do, whoever starts them."""

# the begin of a module ``sitecustomize``, which Python imports at the start of every process: WATCHED has the functions
# that change modules right after their import, by name
WATCHING = """
import importlib.abc, importlib.util, sys

WATCHED = {}

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in WATCHED:
            return None
        watch = WATCHED.pop(name)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (execute(module), watch(module))
        return spec

sys.meta_path.insert(0, Finder())
"""
