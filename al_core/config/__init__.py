"""Configs: frozen pydantic models of YAML files, a file a section."""
