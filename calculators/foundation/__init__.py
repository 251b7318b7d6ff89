"""Foundation models: potentials of many elements, trained by others on their own labels."""
