"""What is measured on a trained committee: errors on test structures, and properties of the material it makes."""
