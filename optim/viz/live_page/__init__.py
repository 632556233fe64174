"""A race as one HTML file: `page.py` collects its contents, and the scripts beside it become part of the page."""
