"""A race as one HTML file: `page.py` gathers what it says, and the files beside it are what its reader gets."""
