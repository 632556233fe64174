"""Read from README.md the commands that readers type, so that CI runs exactly those.

Usage: python commands.py README.md command NAME    the line below <!-- command: NAME -->
       python commands.py README.md programs        all blocks of Python, in order, as one program
"""

import re
import sys
from pathlib import Path


def command(text, name):
    """The one line in the fenced block that follows the comment <!-- command: NAME -->."""
    blocks = re.findall(rf"^<!-- command: {re.escape(name)} -->\n+```sh\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)
    if len(blocks) != 1 or "\n" in blocks[0]:
        sys.exit(f"README.md: one ```sh block of one line is expected below <!-- command: {name} -->, found {blocks}")
    return blocks[0]


def programs(text):
    """The Python blocks, which a reader types one after the other into one session."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


readme = Path(sys.argv[1]).read_text(encoding="utf-8")
print(command(readme, sys.argv[3]) if sys.argv[2] == "command" else programs(readme))
